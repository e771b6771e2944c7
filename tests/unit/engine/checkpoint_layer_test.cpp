#include "engine/checkpoint_layer.h"

#include <gmock/gmock.h>

#include <cstring>

#include "core/error.h"
#include "support/moe_models.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

using namespace testing;
using ::testing::HasSubstr;

Matrix vectors(Index tokens, Index width, unsigned seed) {
  std::mt19937 random(seed);
  Matrix x(tokens, width);
  for (Index t = 0; t < tokens; ++t) {
    for (float& v : x.row(t)) {
      v = static_cast<float>((static_cast<double>(random()) / 4294967296.0 - 0.5) * 4.0);
    }
  }
  return x;
}

struct Outcome {
  RoutedLayer routed;
  Matrix y;
};

Outcome run_layer(const std::string& folder, Index layer, const Matrix& x, int threads) {
  const MoeCheckpoint checkpoint(folder);
  const BlockTensors block = checkpoint.block(layer);
  const Policy policy = checkpoint_policy(checkpoint);
  const Context context({.threads = threads});
  Outcome outcome;
  outcome.routed = route_checkpoint_layer(checkpoint, block, policy, x.clone(), context);
  outcome.y = run_checkpoint_layer(checkpoint, block, outcome.routed, context);
  return outcome;
}

std::vector<int> chosen(const RoutedLayer& routed, Index token) {
  const auto& assignments = std::get<Assignments>(routed.result.routing);
  const auto t = static_cast<std::size_t>(token);
  return {assignments.expert.begin() + assignments.begin[t],
          assignments.expert.begin() + assignments.begin[t + 1]};
}

// Every token against the model's own equations in double.
void expect_same(const TestModel& model, int layer, const Matrix& x, const Outcome& outcome,
                 double tolerance) {
  Index different = 0;
  for (Index t = 0; t < x.rows(); ++t) {
    const Row row(x.row(t).begin(), x.row(t).end());
    const NaiveOutput expected = model.compute(model.blocks.at(layer), row);
    if (chosen(outcome.routed, t) != expected.experts) {
      ++different;
      continue;
    }
    double error = 0.0;
    double size = 0.0;
    for (std::size_t d = 0; d < row.size(); ++d) {
      const double e = outcome.y.row(t)[d] - expected.y[d];
      error += e * e;
      size += expected.y[d] * expected.y[d];
    }
    EXPECT_LE(std::sqrt(error), tolerance * std::sqrt(size)) << "token " << t;
  }
  EXPECT_LE(different, outcome.routed.near_ties);
}

ModelOptions options_for(const std::string& layout) {
  ModelOptions options;
  if (layout == "dbrx") {
    options.prefix = "transformer.";
  } else if (layout == "ernie45_paddle") {
    options.prefix = "ernie.";
  } else if (layout == "gpt_oss_mxfp4") {
    options.d_model = 64;
    options.d_ff = 32;
  }
  return options;
}

class LayerOf : public ::testing::TestWithParam<std::string> {};

TEST_P(LayerOf, IsWhatTheModelsEquationsSay) {
  const TempFolder folder;
  const TestModel model = ModelMaker(options_for(GetParam())).make(GetParam());
  model.write(folder.path());
  const Matrix x = vectors(65, options_for(GetParam()).d_model, 7);
  const Outcome outcome = run_layer(folder.path(), 1, x, 2);
  EXPECT_LE(outcome.routed.near_ties, 1);
  expect_same(model, 1, x, outcome, 2e-6);
}

TEST_P(LayerOf, HasTheSameBitsOnAnyNumberOfThreads) {
  const TempFolder folder;
  ModelMaker(options_for(GetParam())).make(GetParam()).write(folder.path());
  const Matrix x = vectors(300, options_for(GetParam()).d_model, 8);
  const Outcome one = run_layer(folder.path(), 1, x, 1);
  for (const int threads : {2, 3, 5}) {
    const Outcome many = run_layer(folder.path(), 1, x, threads);
    ASSERT_EQ(std::memcmp(one.y.data(), many.y.data(),
                          static_cast<std::size_t>(x.rows() * x.cols()) * sizeof(float)),
              0)
        << threads;
  }
}

std::string name_of(const ::testing::TestParamInfo<std::string>& of) {
  return of.param;
}
INSTANTIATE_TEST_SUITE_P(All, LayerOf, ::testing::ValuesIn(ModelMaker::layouts()), name_of);

TEST(CheckpointLayer, IsAsExactInEveryTypeOfWeights) {
  for (const char* type : {"F64", "F16", "BF16", "F8_E4M3", "F8_E5M2", "blocks"}) {
    for (const char* layout : {"mixtral", "deepseek_v3", "qwen2_moe"}) {
      SCOPED_TRACE(std::string(layout) + " " + type);
      const TempFolder folder;
      ModelOptions options;
      options.type = type;
      options.d_model = 40;
      options.d_ff = 20;
      const TestModel model = ModelMaker(options).make(layout);
      model.write(folder.path(), 2);
      const Matrix x = vectors(33, 40, 9);
      expect_same(model, 1, x, run_layer(folder.path(), 1, x, 2), 2e-6);
    }
  }
}

// Long sums: here one chain of float32 additions would be near the limit.
TEST(CheckpointLayer, StaysExactAtTheWidthsOfRealModels) {
  const TempFolder folder;
  ModelOptions options;
  options.d_model = 2048;
  options.d_ff = 256;
  options.experts = 2;
  const TestModel model = ModelMaker(options).make("mixtral");
  model.write(folder.path());
  const Matrix x = vectors(6, 2048, 10);
  expect_same(model, 1, x, run_layer(folder.path(), 1, x, 2), 1e-6);
}

// A selection bias that is not read would show in few tokens only.
TEST(CheckpointLayer, RoutesByTheCheckpointsSelectionBias) {
  const TempFolder folder;
  TestModel model = ModelMaker({}).make("minimax_m2");
  model.write(folder.path());
  const Matrix x = vectors(200, 24, 11);
  const Outcome outcome = run_layer(folder.path(), 1, x, 1);
  expect_same(model, 1, x, outcome, 2e-6);
  for (double& b : model.blocks.at(1).selection_bias) {
    b = 0.0;
  }
  Index different = 0;
  for (Index t = 0; t < x.rows(); ++t) {
    different += chosen(outcome.routed, t) !=
                         model.compute(model.blocks.at(1), Row(x.row(t).begin(), x.row(t).end())).experts
                     ? 1
                     : 0;
  }
  EXPECT_GT(different, 10);
}

// Two experts whose gates are the same are a tie for every token that would choose one of them last.
TEST(CheckpointLayer, CountsTokensWhoseChoiceRoundingCouldChange) {
  const TempFolder folder;
  CheckpointWriter tensors;
  const int d = 16;
  std::vector<float> gate(static_cast<std::size_t>(3 * d), 0.0F);
  gate[0] = 1.0F;
  gate[static_cast<std::size_t>(d)] = 1.0F;
  gate[static_cast<std::size_t>(2 * d)] = -1.0F;
  const std::vector<float> weights(static_cast<std::size_t>(4 * d), 0.1F);
  tensors.add("model.layers.0.mlp.gate.weight", "F32", {3, 16}, gate);
  for (const char* e : {"0", "1", "2"}) {
    const std::string name = std::string("model.layers.0.mlp.experts.") + e;
    tensors.add(name + ".gate_proj.weight", "F32", {4, 16}, weights);
    tensors.add(name + ".up_proj.weight", "F32", {4, 16}, weights);
    tensors.add(name + ".down_proj.weight", "F32", {16, 4}, weights);
  }
  tensors.write_single(folder.path());
  folder.write("config.json",
               R"({"model_type": "olmoe", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1,
                   "num_experts": 3, "num_experts_per_tok": 1, "intermediate_size": 4, "vocab_size": 8})");
  Matrix x(3, d);
  x.fill(0.01F);
  x.row(0)[0] = 1.0F;   // experts 0 and 1 tie
  x.row(1)[0] = -1.0F;  // expert 2, alone
  x.row(2)[0] = 2.0F;   // a tie again
  EXPECT_EQ(run_layer(folder.path(), 0, x, 1).routed.near_ties, 2);
}

TEST(CheckpointLayer, OfNoTokensIsEmpty) {
  const TempFolder folder;
  ModelMaker({}).make("mixtral").write(folder.path());
  EXPECT_EQ(run_layer(folder.path(), 1, Matrix(0, 24), 2).y.rows(), 0);
}

TEST(LayerMemory, IsCheckedBeforeItIsAskedFor) {
  ModelShape shape;
  shape.d_model = 4096;
  shape.top_k = 2;
  shape.moe.d_model = 4096;
  shape.moe.d_ff = 14336;
  shape.moe.num_experts = 8;
  const std::uint64_t expert = std::uint64_t{3} * 4096 * 14336 * 4;
  const std::uint64_t bytes = checkpoint_layer_bytes(shape, {.tokens = 100, .threads = 2});
  EXPECT_GT(bytes, 2 * expert);
  EXPECT_LT(bytes, 3 * expert);
  EXPECT_LT(checkpoint_layer_bytes(shape, {.tokens = 100, .router_only = true, .threads = 2}), expert / 5);
  MachineInfo machine;
  machine.memory_limit_bytes = std::uint64_t{1} << 30;
  EXPECT_NO_THROW(check_layer_memory(shape, {.tokens = 100, .threads = 1}, machine, "DIR"));
  try {
    check_layer_memory(shape, {.tokens = 100, .threads = 2}, machine, "DIR");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::out_of_memory);
    EXPECT_THAT(error.what(),
                HasSubstr("for 100 tokens on 2 threads; expected at most 1.0 GiB, four fifths of the "
                          "memory that is free [out-of-memory]"));
  }
  EXPECT_THROW(check_layer_memory(shape, {.tokens = Index{1} << 61, .threads = 2}, machine, "DIR"), Error);
}

}  // namespace
}  // namespace moesim
