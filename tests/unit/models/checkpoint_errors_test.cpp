// Checkpoints that are wrong in one place each.
#include <gmock/gmock.h>

#include "core/error.h"
#include "models/checkpoint_experts.h"
#include "support/moe_models.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

using ::testing::HasSubstr;

struct Stored {
  std::string type = "F32";
  Shape shape;
};
using StoredTensors = std::map<std::string, Stored>;

const char* const kMixtral = R"({"model_type": "mixtral", "hidden_size": 8, "intermediate_size": 4,
  "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "num_local_experts": 2, "num_experts_per_tok": 1,
  "vocab_size": 8})";
const std::string kBlock = "model.layers.0.block_sparse_moe.";

StoredTensors mixtral() {
  StoredTensors tensors;
  tensors[kBlock + "gate.weight"] = {.shape = {2, 8}};
  for (const char* e : {"0", "1"}) {
    tensors[kBlock + "experts." + e + ".w1.weight"] = {.shape = {4, 8}};
    tensors[kBlock + "experts." + e + ".w3.weight"] = {.shape = {4, 8}};
    tensors[kBlock + "experts." + e + ".w2.weight"] = {.shape = {8, 4}};
  }
  return tensors;
}

// The message, with the folder as DIR; "none" where the layer can be read.
std::string error_of(const StoredTensors& tensors, const std::string& config = kMixtral, Index layer = 0) {
  const TempFolder folder;
  CheckpointWriter writer;
  for (const auto& [name, stored] : tensors) {
    std::uint64_t count = 1;
    for (const std::uint64_t axis : stored.shape) {
      count *= axis;
    }
    writer.add(name, stored.type, stored.shape, std::vector<float>(count, 1.0F));
  }
  writer.write_single(folder.path());
  folder.write("config.json", config);
  std::string text = "none";
  try {
    const MoeCheckpoint checkpoint(folder.path());
    checkpoint.block(layer);
  } catch (const Error& error) {
    text = error.what();
    if (!error.help().empty()) {
      text += "\n" + error.help();
    }
  }
  for (std::size_t at = 0; (at = text.find(folder.path())) != std::string::npos;) {
    text.replace(at, folder.path().size(), "DIR");
  }
  return text;
}

TEST(CheckpointErrors, ThereAreNoneInASoundOne) {
  EXPECT_EQ(error_of(mixtral()), "none");
}

TEST(CheckpointErrors, AnotherClampIsNamedWithItsKeyAndFile) {
  const nlohmann::json config = {{"model_type", "gpt_oss"}, {"swiglu_limit", 1.5}};
  const ModelShape shape = read_hf_config(config.dump(), "DIR/config.json");
  try {
    bank_shape(shape);
    FAIL() << "the clamp is another";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "DIR/config.json: error: swiglu_limit is 1.5 and swiglu_alpha 1.702; expected 7 and 1.702, "
                 "as gpt-oss has them [out-of-range]");
  }
}

TEST(CheckpointErrors, AMissingTensorIsNamed) {
  StoredTensors tensors = mixtral();
  tensors.erase(kBlock + "experts.1.w3.weight");
  EXPECT_EQ(error_of(tensors),
            "DIR: error: there is no tensor 'model.layers.0.block_sparse_moe.experts.1.w3.weight'; expected "
            "it in layer "
            "0, as layout mixtral names it [missing-tensor]");
}

TEST(CheckpointErrors, AnotherShapeIsNamedWithTheOneExpected) {
  StoredTensors tensors = mixtral();
  tensors[kBlock + "experts.1.w2.weight"].shape = {4, 8};
  EXPECT_EQ(error_of(tensors),
            "DIR/model.safetensors: tensor 'model.layers.0.block_sparse_moe.experts.1.w2.weight': error: the "
            "shape is "
            "[4,8]; expected [8,4], which is [D,F] of config.json [tensor-shape]");
  tensors = mixtral();
  tensors[kBlock + "gate.weight"].shape = {3, 8};
  EXPECT_THAT(error_of(tensors),
              HasSubstr("the shape is [3,8]; expected [2,8], which is [E,D] of config.json"));
}

TEST(CheckpointErrors, MoreExpertsThanTheConfigHasAreNotLeftOut) {
  StoredTensors tensors = mixtral();
  for (const char* w : {"w1", "w2", "w3"}) {
    tensors[kBlock + "experts.2." + w + ".weight"] = {.shape = {4, 8}};
  }
  EXPECT_EQ(error_of(tensors),
            "DIR/model.safetensors: tensor 'model.layers.0.block_sparse_moe.experts.2.w1.weight': error: "
            "layout mixtral "
            "has no use for it; expected tensors of the layout alone [unknown-layout]\n"
            "--layout FILE.yaml says what each tensor is, or ignores it (docs/formats.md)");
}

TEST(CheckpointErrors, BiasesThatTheModelDoesNotHaveAreNotLeftOut) {
  for (const char* name :
       {"experts.0.w1.bias", "gate.bias", "e_score_correction_bias", "experts.0.w1.weight_zero"}) {
    StoredTensors tensors = mixtral();
    tensors[kBlock + name] = {.shape = {2}};
    EXPECT_THAT(error_of(tensors), HasSubstr("has no use for it")) << name;
  }
}

TEST(CheckpointErrors, ASelectionBiasThatTheModelNeedsMustBeThere) {
  StoredTensors tensors = mixtral();
  std::string config = kMixtral;
  config.replace(config.find("mixtral"), 7, "minimax_m2");
  EXPECT_EQ(error_of(tensors, config),
            "DIR: error: there is no tensor 'model.layers.0.block_sparse_moe.e_score_correction_bias'; "
            "expected it in "
            "layer 0, as layout mixtral names it [missing-tensor]");
  tensors[kBlock + "e_score_correction_bias"] = {.shape = {2}};
  EXPECT_EQ(error_of(tensors, config), "none");
  tensors[kBlock + "e_score_correction_bias"] = {.shape = {1, 2}};
  EXPECT_EQ(error_of(tensors, config), "none");
  tensors[kBlock + "e_score_correction_bias"] = {.shape = {2, 1}};
  EXPECT_THAT(error_of(tensors, config),
              HasSubstr("the shape is [2,1]; expected [2], which is [E] of config.json"));
}

TEST(CheckpointErrors, TypesThatAreNotFloatsAreRefused) {
  StoredTensors tensors = mixtral();
  tensors[kBlock + "experts.0.w1.weight"].type = "I32";
  EXPECT_EQ(error_of(tensors),
            "DIR/model.safetensors: tensor 'model.layers.0.block_sparse_moe.experts.0.w1.weight': error: the "
            "type is "
            "I32; expected F64, F32, F16, BF16, F8_E4M3 or F8_E5M2 [tensor-shape]");
  tensors = mixtral();
  tensors[kBlock + "gate.weight"].type = "U8";
  EXPECT_THAT(error_of(tensors), HasSubstr("the type is U8; expected F64"));
}

TEST(CheckpointErrors, ScalesMustFitTheirBlocks) {
  StoredTensors tensors = mixtral();
  const std::string name = kBlock + "experts.0.w1.weight";
  tensors[name].type = "F8_E4M3";
  EXPECT_EQ(error_of(tensors), "none");
  for (const Shape& good : std::vector<Shape>{{1, 1}, {}, {1}, {4, 1}}) {
    tensors[name + "_scale_inv"] = {.shape = good};
    EXPECT_EQ(error_of(tensors), "none");
  }
  tensors[name + "_scale_inv"] = {.shape = {2, 1}};
  EXPECT_EQ(
      error_of(tensors),
      "DIR/model.safetensors: tensor 'model.layers.0.block_sparse_moe.experts.0.w1.weight_scale_inv': error: "
      "the "
      "shape is [2,1]; expected one scale for each block of 128 x 128 numbers, [1,1], for each row, or one "
      "[tensor-shape]\n"
      "quantization_config.weight_block_size of config.json gives the size of the blocks");
  std::string config = kMixtral;
  config.insert(1, R"("quantization_config": {"weight_block_size": [2, 8]}, )");
  EXPECT_EQ(error_of(tensors, config), "none");
  config = kMixtral;
  config.insert(1, R"("quantization_config": {"weight_block_size": [0, 8]}, )");
  EXPECT_THAT(error_of(tensors, config), HasSubstr("quantization_config.weight_block_size: got"));
  // A scale beside a type that has none changes the numbers in a way that is not known.
  tensors[name].type = "F32";
  EXPECT_THAT(error_of(tensors), HasSubstr("has no use for it"));
}

TEST(CheckpointErrors, ScalesThatLeaveFloat32AreNamed) {
  const TempFolder folder;
  CheckpointWriter writer;
  for (const auto& [name, stored] : mixtral()) {
    const bool scaled = name == kBlock + "experts.0.w1.weight";
    writer.add(name, scaled ? "F8_E4M3" : "F32", stored.shape,
               std::vector<float>(stored.shape[0] * stored.shape[1], 448.0F));
    if (scaled) {
      writer.add(name + "_scale_inv", "F32", {1, 1}, std::vector<float>{3e38F});
    }
  }
  writer.write_single(folder.path());
  folder.write("config.json", kMixtral);
  const MoeCheckpoint checkpoint(folder.path());
  const BlockTensors block = checkpoint.block(0);
  Matrix some(1, 8);
  try {
    read_units(checkpoint.tensors(), block.experts[0].gate, 2, some.view());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("number 0 of row 2 times its scale is not finite in float32; expected finite "
                          "numbers [not-finite]"));
  }
}

TEST(CheckpointErrors, PackedTensorsComeInPairsOfWholeBlocks) {
  const char* const config = R"({"model_type": "gpt_oss", "hidden_size": 32, "intermediate_size": 32,
    "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4,
    "num_local_experts": 2, "num_experts_per_tok": 1, "vocab_size": 8})";
  const std::string mlp = "model.layers.0.mlp.";
  StoredTensors tensors;
  tensors[mlp + "router.weight"] = {.shape = {2, 32}};
  tensors[mlp + "router.bias"] = {.shape = {2}};
  tensors[mlp + "experts.gate_up_proj_bias"] = {.shape = {2, 64}};
  tensors[mlp + "experts.down_proj_bias"] = {.shape = {2, 32}};
  tensors[mlp + "experts.gate_up_proj_blocks"] = {"U8", {2, 64, 1, 16}};
  tensors[mlp + "experts.gate_up_proj_scales"] = {"U8", {2, 64, 1}};
  tensors[mlp + "experts.down_proj_blocks"] = {"U8", {2, 32, 1, 16}};
  tensors[mlp + "experts.down_proj_scales"] = {"U8", {2, 32, 1}};
  EXPECT_EQ(error_of(tensors, config), "none");
  StoredTensors wrong = tensors;
  wrong[mlp + "experts.down_proj_scales"].shape = {2, 32, 2};
  EXPECT_THAT(error_of(wrong, config), HasSubstr("the shape is [2,32,2]; expected [2,32,1]"));
  wrong = tensors;
  wrong[mlp + "experts.down_proj_blocks"].type = "I32";
  EXPECT_THAT(error_of(wrong, config), HasSubstr("the type is I32; expected U8 [tensor-shape]"));
  wrong = tensors;
  wrong.erase(mlp + "experts.gate_up_proj_scales");
  EXPECT_THAT(error_of(wrong, config),
              HasSubstr("there is no tensor 'model.layers.0.mlp.experts.gate_up_proj_scales'"));
  std::string odd = config;
  odd.replace(odd.find("\"intermediate_size\": 32"), 23, "\"intermediate_size\": 30");
  wrong = tensors;
  wrong[mlp + "experts.gate_up_proj_blocks"].shape = {2, 60, 1, 16};
  wrong[mlp + "experts.gate_up_proj_scales"].shape = {2, 60, 1};
  EXPECT_THAT(error_of(wrong, odd),
              HasSubstr("rows of 30 numbers are not whole blocks; expected a multiple of 32"));
}

TEST(CheckpointErrors, NamesThatAreNotKnownAreListed) {
  StoredTensors tensors;
  for (int i = 0; i < 30; ++i) {
    tensors["net.layer7.part" + std::string(static_cast<std::size_t>(i + 1), 'a') + ".weight"] = {
        .shape = {2}};
  }
  tensors["net.layer12.expert3.w"] = {.shape = {2}};
  tensors["net.layer12.expert4.w"] = {.shape = {2}};
  const std::string error = error_of(tensors);
  EXPECT_THAT(
      error,
      HasSubstr("expected a layout of docs/formats.md that model_type mixtral may have "
                "[unknown-layout]\nthe names, digits as N: net.layerN.expertN.w, net.layerN.parta.weight"));
  EXPECT_THAT(error, HasSubstr(" and 11 more; --layout FILE.yaml"));
}

// gpt-oss's fused tensors lie as no other model's of that name do.
TEST(CheckpointErrors, AFusedTensorOfAnotherModelTypeIsNotGuessedAt) {
  const TempFolder folder;
  testing::TestModel model = testing::ModelMaker({}).make("fused_deepseek_v3");
  model.config["model_type"] = "hunyuan_v1_moe";
  model.config["num_experts"] = 6;
  model.config["moe_topk"] = 2;
  model.config["intermediate_size"] = 12;
  model.write(folder.path());
  EXPECT_THROW(MoeCheckpoint(folder.path()), Error);
}

}  // namespace
}  // namespace moesim
