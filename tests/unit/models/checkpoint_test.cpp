#include "models/checkpoint.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "support/moe_models.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

using namespace testing;
using ::testing::HasSubstr;

// Whether units of the stored matrix are, exactly, what `expected(unit)` says.
template <class Expected>
void expect_units(const MoeCheckpoint& checkpoint, const UnitMatrix& matrix, const Expected& expected) {
  // In pieces that begin in the middle of a block of any kind.
  for (Index first = 0; first < matrix.units; first += 5) {
    Matrix some(std::min<Index>(5, matrix.units - first), matrix.width);
    read_units(checkpoint.tensors(), matrix, first, some.view());
    for (Index i = 0; i < some.rows(); ++i) {
      for (Index d = 0; d < some.cols(); ++d) {
        ASSERT_EQ(some.row(i)[static_cast<std::size_t>(d)], static_cast<float>(expected(first + i, d)))
            << "unit " << first + i << " number " << d;
      }
    }
  }
}

void expect_ffn(const MoeCheckpoint& checkpoint, const FfnTensors& ffn, const NaiveFfn& expected) {
  const auto at = [](const Rows& rows, Index i, Index j) {
    return rows[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)];
  };
  expect_units(checkpoint, ffn.gate, [&](Index f, Index d) { return at(expected.gate, f, d); });
  expect_units(checkpoint, ffn.up, [&](Index f, Index d) { return at(expected.up, f, d); });
  expect_units(checkpoint, ffn.down, [&](Index f, Index d) { return at(expected.down, d, f); });
  ASSERT_EQ(ffn.up_bias.none(), expected.up_bias.empty());
  if (!ffn.up_bias.none()) {
    expect_units(checkpoint, ffn.gate_bias,
                 [&](Index f, Index) { return expected.gate_bias[static_cast<std::size_t>(f)]; });
    expect_units(checkpoint, ffn.up_bias,
                 [&](Index f, Index) { return expected.up_bias[static_cast<std::size_t>(f)]; });
    expect_units(checkpoint, ffn.down_bias,
                 [&](Index d, Index) { return expected.down_bias[static_cast<std::size_t>(d)]; });
  }
}

void expect_block(const MoeCheckpoint& checkpoint, int layer, const NaiveBlock& expected) {
  const BlockTensors block = checkpoint.block(layer);
  expect_units(checkpoint, block.gate, [&](Index e, Index d) {
    return expected.gate[static_cast<std::size_t>(e)][static_cast<std::size_t>(d)];
  });
  ASSERT_EQ(block.expert_bias.none(), expected.selection_bias.empty());
  const std::vector<float> bias = read_expert_bias(checkpoint, block);
  for (std::size_t e = 0; e < bias.size(); ++e) {
    EXPECT_EQ(bias[e], static_cast<float>(expected.selection_bias[e]));
  }
  ASSERT_EQ(block.experts.size(), expected.experts.size());
  for (std::size_t e = 0; e < expected.experts.size(); ++e) {
    SCOPED_TRACE(e);
    expect_ffn(checkpoint, block.experts[e], expected.experts[e]);
  }
  ASSERT_EQ(block.shared.empty(), expected.shared.up.empty());
  if (!block.shared.empty()) {
    expect_ffn(checkpoint, block.shared[0], expected.shared);
  }
  const Matrix gate = read_shared_gate(checkpoint, block);
  ASSERT_EQ(gate.rows() == 0, expected.shared_gate.empty());
  for (std::size_t d = 0; d < expected.shared_gate.size(); ++d) {
    EXPECT_EQ(gate.row(0)[d], static_cast<float>(expected.shared_gate[d]));
  }
}

ModelOptions options_for(const std::string& layout) {
  ModelOptions options;
  if (layout == "dbrx") {
    options.prefix = "transformer.";
  } else if (layout == "ernie45_paddle") {
    options.prefix = "ernie.";
  } else if (layout == "gpt_oss_mxfp4") {
    options.d_model = 64;  // whole blocks of 32
    options.d_ff = 32;
  }
  return options;
}

class EveryLayout : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryLayout, HoldsTheNumbersThatWereWritten) {
  const TempFolder folder;
  const TestModel model = ModelMaker(options_for(GetParam())).make(GetParam());
  model.write(folder.path());
  const MoeCheckpoint checkpoint(folder.path());
  for (const auto& [layer, block] : model.blocks) {
    SCOPED_TRACE(layer);
    expect_block(checkpoint, layer, block);
  }
}

TEST_P(EveryLayout, HoldsThemInOtherShapesAndShards) {
  const TempFolder folder;
  ModelOptions options = options_for(GetParam());
  options.d_model = GetParam() == "gpt_oss_mxfp4" ? 96 : 30;
  options.d_ff = GetParam() == "gpt_oss_mxfp4" ? 64 : 30;  // d_ff = d_model: the shape of down tells nothing
  options.seed = 2;
  const TestModel model = ModelMaker(options).make(GetParam());
  model.write(folder.path(), 3);
  expect_block(MoeCheckpoint(folder.path()), 1, model.blocks.at(1));
}

std::string name_of(const ::testing::TestParamInfo<std::string>& of) {
  return of.param;
}
INSTANTIATE_TEST_SUITE_P(All, EveryLayout, ::testing::ValuesIn(ModelMaker::layouts()), name_of);

TEST(Checkpoint, IsReadInEveryType) {
  for (const char* type : {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "blocks"}) {
    for (const char* layout : {"mixtral", "deepseek_v3", "qwen2_moe"}) {
      SCOPED_TRACE(std::string(layout) + " " + type);
      const TempFolder folder;
      ModelOptions options;
      options.type = type;
      options.d_model = 40;
      options.d_ff = 20;
      const TestModel model = ModelMaker(options).make(layout);
      model.write(folder.path());
      expect_block(MoeCheckpoint(folder.path()), 1, model.blocks.at(1));
    }
  }
}

TEST(Checkpoint, IsFoundBehindEveryPrefixAndInNestedConfigs) {
  for (const char* prefix : {"model.", "language_model.model.", "model.language_model.", ""}) {
    for (const char* layout : {"llama4", "qwen3_moe", "gpt_oss"}) {
      SCOPED_TRACE(std::string(layout) + " " + prefix);
      const TempFolder folder;
      ModelOptions options;
      options.prefix = prefix;
      options.nested = true;
      const TestModel model = ModelMaker(options).make(layout);
      model.write(folder.path());
      const MoeCheckpoint checkpoint(folder.path());
      EXPECT_EQ(checkpoint.prefix(), prefix);
      expect_block(checkpoint, 1, model.blocks.at(1));
    }
  }
}

TEST(Checkpoint, SaysWhichLayersHaveExperts) {
  EXPECT_EQ(ranges_text({}), "none");
  EXPECT_EQ(ranges_text({3}), "3");
  EXPECT_EQ(ranges_text({0, 2, 3, 4, 9}), "0, 2-4, 9");
}

std::string error_of(const std::string& folder, Index layer = 1, const std::string& layout = "") {
  try {
    MoeCheckpoint(folder, layout).block(layer);
  } catch (const Error& error) {
    std::string text = error.what();
    for (std::size_t at; (at = text.find(folder)) != std::string::npos;) {
      text.replace(at, folder.size(), "DIR");
    }
    return text + (error.help().empty() ? "" : "\n" + error.help());
  }
  return "none";
}

TEST(Checkpoint, RefusesALayerWithoutExperts) {
  const TempFolder folder;
  const TestModel model = ModelMaker({}).make("deepseek_v3");
  model.write(folder.path());
  EXPECT_EQ(error_of(folder.path(), 0),
            "DIR: error: layer 0 is dense; expected one of the MoE layers 1 [no-experts]");
  EXPECT_EQ(error_of(folder.path(), 2),
            "DIR: error: there is no layer 2; expected one from 0 to 1 [out-of-range]\nMoE layers: 1");
  EXPECT_EQ(error_of(folder.path(), -1),
            "DIR: error: there is no layer -1; expected one from 0 to 1 [out-of-range]\nMoE layers: 1");
}

}  // namespace
}  // namespace moesim
