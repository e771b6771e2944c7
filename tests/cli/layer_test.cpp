// moesim layer and moesim inspect through the command line.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli/moesim_run.h"
#include "io/npy.h"
#include "support/moe_models.h"

namespace moesim {
namespace {

using ::testing::HasSubstr;
using testing::ModelMaker;
using testing::ModelOptions;
using testing::NaiveOutput;
using testing::TestModel;

class Checkpoint : public ::testing::Test {
 protected:
  void write_vectors(const std::string& name, Index tokens, Index width) const {
    std::mt19937 random(5);
    Matrix x(tokens, width);
    for (Index t = 0; t < tokens; ++t) {
      for (float& v : x.row(t)) {
        v = static_cast<float>((static_cast<double>(random()) / 4294967296.0 - 0.5) * 4.0);
      }
    }
    write_npy(file(name), x.view());
  }

  Matrix read_matrix(const std::string& name) const {
    const NpyFile npy(file(name));
    Matrix matrix(npy.header().rows, npy.header().cols);
    npy.read_rows(0, matrix.view());
    return matrix;
  }

  std::string file(const std::string& name) const { return folder_.file(name); }

  Outcome run(const std::string& line) const {
    const TempFolder out;
    const int status = std::system(("cd " + folder_.path() + " && " + MOESIM_BINARY + " " + line + " >" +
                                    out.file("out") + " 2>" + out.file("err"))
                                       .c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_all(out.file("out")),
            read_all(out.file("err"))};
  }

  TempFolder folder_;
};

TEST_F(Checkpoint, LayerWritesWhatTheBlockReturns) {
  const TestModel model = ModelMaker({}).make("qwen2_moe");
  model.write(file("m"), 2);
  write_vectors("x.npy", 9, 24);
  const Outcome outcome = run("layer m --layer 1 --input x.npy --out y.npy --routing r -j 2");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              HasSubstr("layer    1 of 2 in m (qwen2_moe)\n"
                        "block    6 experts of 24 x 12, top 2, shared experts of 16; F32, layout qwen2_moe\n"
                        "routed   9 tokens to 6 experts by qwen2_moe\n"));
  EXPECT_THAT(outcome.out,
              HasSubstr("near     0 tokens are so near a tie that rounding decides; another program may "
                        "choose otherwise there\nsaved    y.npy\nsaved    r/\n"));
  const Matrix x = read_matrix("x.npy");
  const Matrix y = read_matrix("y.npy");
  ASSERT_EQ(y.rows(), 9);
  const std::string bytes = read_all(file("r/expert.npy"));
  std::vector<std::int32_t> experts(18);
  ASSERT_EQ(bytes.size(), 128 + experts.size() * 4);
  std::memcpy(experts.data(), bytes.data() + 128, experts.size() * 4);
  for (Index t = 0; t < 9; ++t) {
    const NaiveOutput expected =
        model.compute(model.blocks.at(1), testing::Row(x.row(t).begin(), x.row(t).end()));
    for (std::size_t d = 0; d < 24; ++d) {
      EXPECT_NEAR(y.row(t)[d], expected.y[d], 2e-5);
    }
    EXPECT_EQ(experts[static_cast<std::size_t>(2 * t)], expected.experts[0]);
    EXPECT_EQ(experts[static_cast<std::size_t>(2 * t + 1)], expected.experts[1]);
  }
  const auto route = nlohmann::json::parse(read_all(file("r/route.json")));
  EXPECT_EQ(route["inputs"]["hidden"], "x.npy");
  EXPECT_THAT(route["inputs"]["gate"].get<std::string>(), HasSubstr("model.layers.1.mlp.gate.weight"));
}

TEST_F(Checkpoint, RouterOnlyRunsNoExperts) {
  ModelMaker({}).make("deepseek_v3").write(file("m"));
  write_vectors("x.npy", 5, 24);
  const Outcome outcome = run("layer m --layer 1 --input x.npy --router-only -o json");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["num_tokens"], 5);
  EXPECT_EQ(json["near_ties"], 0);
  EXPECT_EQ(json["router"], "deepseek_v3");
  EXPECT_EQ(json["layout"], "deepseek");
  EXPECT_EQ(json["shared_width"], 24);
  EXPECT_EQ(json["output"], nullptr);
  EXPECT_EQ(run("layer m --layer 1 --input x.npy --router-only --out y.npy").err,
            "--out: error: has no effect with --router-only, which runs no experts; expected --routing DIR "
            "[no-effect]\n");
  EXPECT_EQ(run("layer m --layer 1 --input x.npy --router-only").status, 64);
}

TEST_F(Checkpoint, AFileIsNoFolder) {
  ModelMaker({}).make("mixtral").write(file("m"));
  write_vectors("x.npy", 1, 24);
  for (const char* line :
       {"inspect m/model.safetensors", "layer m/model.safetensors --layer 0 --input x.npy --out y.npy"}) {
    const Outcome outcome = run(line);
    EXPECT_EQ(outcome.status, 66) << line;
    EXPECT_EQ(outcome.err,
              "m/model.safetensors: error: this is a file; expected the folder of a checkpoint, with "
              "config.json beside the .safetensors files [not-a-folder]\n  help: name the folder: m\n");
  }
  EXPECT_EQ(run("inspect nowhere").status, 66);
}

TEST_F(Checkpoint, LayerSaysWhatIsWrong) {
  ModelMaker({}).make("deepseek_v3").write(file("m"));
  write_vectors("x.npy", 5, 24);
  write_vectors("narrow.npy", 5, 12);
  EXPECT_EQ(run("layer m --layer 0 --input x.npy --out y.npy").err,
            "m: error: layer 0 is dense; expected one of the MoE layers 1 [no-experts]\n");
  EXPECT_EQ(
      run("layer m --layer 7 --input x.npy --out y.npy").err,
      "m: error: there is no layer 7; expected one from 0 to 1 [out-of-range]\n  help: MoE layers: 1\n");
  EXPECT_EQ(run("layer m --layer 1 --input narrow.npy --out y.npy").err,
            "narrow.npy: error: an array of 5 x 12 numbers; expected a row of 24 for each token, as "
            "config.json says "
            "[wrong-length]\n");
  EXPECT_EQ(run("layer m --layer -1 --input x.npy --out y.npy").status, 64);
  EXPECT_EQ(
      run("layer m --layer 1 --input x.npy").err,
      "moesim layer: error: --out Y.npy is not given; expected --out Y.npy [missing-option]\n  help: moesim "
      "layer DIR --layer N --input X.npy --out Y.npy\n");
  EXPECT_EQ(run("layer --layer 1 --input x.npy --out y.npy").status, 64);
  EXPECT_EQ(run("layer nowhere --layer 1 --input x.npy --out y.npy").status, 66);
  EXPECT_EQ(run("layer m --layer 1 --input missing.npy --out y.npy").status, 66);
}

TEST_F(Checkpoint, LayerWritesNeitherOverItsInputNorAmongTheModel) {
  ModelMaker({}).make("deepseek_v3").write(file("m"));
  write_vectors("x.npy", 5, 24);
  EXPECT_EQ(run("layer m --layer 1 --input x.npy --out ./x.npy").err,
            "--out: error: ./x.npy is the input; expected another place [bad-option]\n");
  EXPECT_EQ(run("layer m --layer 1 --input x.npy --out m/model.safetensors").err,
            "--out: error: m/model.safetensors lies among the checkpoint's files; expected another place "
            "[bad-option]\n");
  EXPECT_EQ(run("layer m --layer 1 --input x.npy --out y.npy --routing m").err,
            "--routing: error: m is the checkpoint; expected another place [bad-option]\n");
  EXPECT_EQ(run("layer m --layer 1 --input x.npy --out y.npy").status, 0);
}

TEST_F(Checkpoint, LayerWritesNoNumbersThatAreNotFinite) {
  ModelMaker({}).make("mixtral").write(file("m"));
  Matrix x(3, 24);
  x.fill(0.5F);
  x.row(1)[3] = 3e38F;
  write_npy(file("x.npy"), x.view());
  const Outcome outcome = run("layer m --layer 1 --input x.npy --out y.npy");
  EXPECT_EQ(outcome.status, 65) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("[not-finite]"));
  EXPECT_FALSE(std::filesystem::exists(file("y.npy")));
}

TEST_F(Checkpoint, OfUnknownNamesIsReadByALayoutFile) {
  CheckpointWriter tensors;
  const std::vector<float> gate(48, 0.25F);
  const std::vector<float> weights(2 * 2 * 12 * 24, 0.1F);
  tensors.add("net.block0.router", "F32", {24, 2}, gate);
  tensors.add("net.block0.w_in", "F32", {2, 24, 24}, std::span(weights).first(2 * 24 * 24));
  tensors.add("net.block0.w_out", "F32", {2, 12, 24}, std::span(weights).first(2 * 12 * 24));
  tensors.write_single(file("m"));
  std::ofstream(file("m/config.json"))
      << R"({"model_type": "mixtral", "hidden_size": 24, "intermediate_size": 12, "num_hidden_layers": 1,
             "num_attention_heads": 2, "num_key_value_heads": 1, "num_local_experts": 2, "num_experts_per_tok": 1, "vocab_size": 8})";
  write_vectors("x.npy", 3, 24);
  const Outcome unknown = run("layer m --layer 0 --input x.npy --out y.npy");
  EXPECT_EQ(unknown.status, 65);
  EXPECT_EQ(unknown.err,
            "m: error: no gate and experts are found among the names of its tensors; expected a layout of "
            "docs/formats.md that model_type mixtral may have [unknown-layout]\n"
            "  help: the names, digits as N: net.blockN.router, net.blockN.w_in, net.blockN.w_out; --layout "
            "FILE.yaml "
            "says which tensor is what (docs/formats.md)\n");
  std::ofstream(file("l.yaml")) << "prefixes: [net.]\nlayer: 'block{layer}.'\ngate: 'router [D,E]'\n"
                                   "experts: {gate_up: 'w_in [E,D,F2]', down: 'w_out [E,F,D]'}\n";
  EXPECT_EQ(run("layer m --layer 0 --input x.npy --out y.npy --layout l.yaml").status, 0);
  std::ofstream(file("wrong.yaml")) << "prefixes: [net.]\nlayer: 'block{layer}.'\ngate: 'gate [D,E]'\n"
                                       "experts: {gate_up: 'w_in [E,D,F2]', down: 'w_out [E,F,D]'}\n";
  EXPECT_THAT(run("layer m --layer 0 --input x.npy --out y.npy --layout wrong.yaml").err,
              HasSubstr("expected 'block0.gate' behind one of its prefixes [unknown-layout]"));
}

TEST_F(Checkpoint, InspectSaysWhatIsThere) {
  ModelMaker({}).make("minimax_m2").write(file("m"), 2);
  const Outcome outcome = run("inspect m");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("files    m: 2 files, 41 tensors; F32 "));
  EXPECT_THAT(outcome.out, HasSubstr("model    minimax_m2, 2 layers, those with experts: 0-1\n"
                                     "block    6 experts of 24 x 12, top 2; router minimax_m2\n"
                                     "names    layout mixtral, behind 'model.'\n"));
  const auto json = nlohmann::json::parse(run("inspect m --norms -o json").out);
  EXPECT_EQ(json["moe_layers"], (std::vector<int>{0, 1}));
  EXPECT_EQ(json["layers"].size(), 2U);
  for (const auto& layer : json["layers"]) {
    EXPECT_GT(layer["gate_row_norm"]["min"].get<double>(), 0.1);
    EXPECT_GE(layer["gate_row_norm"]["max"].get<double>(), layer["gate_row_norm"]["median"].get<double>());
    EXPECT_GT(layer["expert_norm"]["min"].get<double>(), 1.0);
    EXPECT_LT(layer["selection_bias"]["min"].get<double>(), layer["selection_bias"]["max"].get<double>());
  }
}

// The numbers that norms are made of, again in double.
TEST_F(Checkpoint, InspectMeasuresNorms) {
  const TestModel model = ModelMaker({}).make("gpt_oss");
  model.write(file("m"));
  const auto json = nlohmann::json::parse(run("inspect m --layer 0 -o json").out);
  EXPECT_EQ(json["layers"][1]["gate_row_norm"], nullptr);
  std::vector<double> norms;
  for (const testing::NaiveFfn& ffn : model.blocks.at(0).experts) {
    double sum = 0.0;
    for (const testing::Rows* rows : {&ffn.gate, &ffn.up, &ffn.down}) {
      for (const testing::Row& row : *rows) {
        for (const double v : row) {
          sum += v * v;
        }
      }
    }
    norms.push_back(std::sqrt(sum));
  }
  std::sort(norms.begin(), norms.end());
  EXPECT_NEAR(json["layers"][0]["expert_norm"]["min"].get<double>(), norms.front(), 1e-9);
  EXPECT_NEAR(json["layers"][0]["expert_norm"]["median"].get<double>(), (norms[2] + norms[3]) / 2, 1e-9);
  EXPECT_NEAR(json["layers"][0]["expert_norm"]["max"].get<double>(), norms.back(), 1e-9);
}

TEST_F(Checkpoint, InspectNamesALayerThatCannotBeRun) {
  TestModel model = ModelMaker({}).make("mixtral");
  const std::vector<float> odd(4, 1.0F);
  model.tensors.add("model.layers.1.block_sparse_moe.extra.weight", "F32", {4}, odd);
  model.write(file("m"));
  const Outcome outcome = run("inspect m");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, HasSubstr("problem  layer 1: "));
  EXPECT_THAT(outcome.out,
              HasSubstr("tensor 'model.layers.1.block_sparse_moe.extra.weight': error: layout mixtral has "
                        "no use for it; expected tensors of the layout alone [unknown-layout]"));
  EXPECT_EQ(run("inspect m --layer 1").status, 65);
  EXPECT_EQ(run("inspect m --layer 0 --norms").status, 64);
  EXPECT_EQ(run("inspect").status, 64);
}

}  // namespace
}  // namespace moesim
