// The maps around latent experts and the ways of shared experts, on their own. Whole layers are compared with
// the second implementation in unit/engine.

#include <gtest/gtest.h>

#include <cstring>

#include "core/error.h"
#include "experts/latent.h"
#include "experts/project.h"
#include "experts/shared.h"
#include "support/executors.h"
#include "support/reference.h"

namespace moesim {
namespace {

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

TEST(ProjectRows, AgreesWithTheDoublePrecisionProductAndKnowsNoNeighbours) {
  const Context one({.threads = 1});
  const Context seven({.threads = 7, .task_delay_seed = 4});
  for (const Index rows : {0, 1, 31, 32, 33, 100}) {
    for (const auto& [in_width, out_width] : {std::pair<Index, Index>{1, 1}, {7, 33}, {64, 16}, {129, 3}}) {
      const Matrix weight = random_rows(out_width, in_width, 1);
      const Matrix in = random_rows(rows, in_width, 2);
      Matrix out(rows, out_width);
      Matrix again(rows, out_width);
      project_rows(weight, in.view(), out.view(), one);
      project_rows(weight, in.view(), again.view(), seven);
      for (Index r = 0; r < rows; ++r) {
        std::vector<double> expected;
        for (Index n = 0; n < out_width; ++n) {
          double sum = 0;
          for (std::size_t i = 0; i < static_cast<std::size_t>(in_width); ++i) {
            sum += static_cast<double>(weight.row(n)[i]) * in.row(r)[i];
          }
          expected.push_back(sum);
        }
        EXPECT_LE(reference::relative_distance(out.row(r), expected), 1e-5);
        EXPECT_TRUE(same_bits(out.row(r), again.row(r)));
        Matrix alone(1, out_width);
        project_rows(weight, in.view().block(r, 1), alone.view(), one);
        EXPECT_TRUE(same_bits(out.row(r), alone.row(0)));
      }
    }
  }
}

TEST(LatentMaps, AreAsLargeAsTheSourceSays) {
  const Context context({.threads = 2});
  // Nemotron 3 Super: 4096 → 1024 → 4096.
  EXPECT_EQ(latent_params({.d_model = 4096, .latent_width = 1024}), 8'388'608u);
  EXPECT_EQ(latent_params({.d_model = 4096}), 0u);
  EXPECT_TRUE(make_latent_maps({.d_model = 8}, {.seed = 1}, context).none());
  const LayerShape shape{.d_model = 300, .latent_width = 200, .latent_norm = true};
  const LatentMaps maps = make_latent_maps(shape, {.seed = 1, .stream = Stream::expert_weight}, context);
  EXPECT_TRUE(maps.norm);
  EXPECT_EQ(maps.num_params(), latent_params(shape));
  EXPECT_EQ(maps.down.rows(), 200);
  EXPECT_EQ(maps.up.rows(), 300);
  const Matrix x = random_rows(50, 300, 3);
  Matrix z(50, 200);
  Matrix y(50, 300);
  project_rows(maps.down, x.view(), z.view(), context);
  project_rows(maps.up, z.view(), y.view(), context);
  for (const auto& [matrix, name] : {std::pair{&z, "z"}, std::pair{&y, "y"}}) {
    double squares = 0;
    for (Index r = 0; r < matrix->rows(); ++r) {
      for (const float v : matrix->row(r)) {
        squares += static_cast<double>(v) * v;
      }
    }
    EXPECT_NEAR(squares / static_cast<double>(matrix->rows() * matrix->cols()), 1.0, 0.2) << name;
  }
}

TEST(SharedExperts, WidthIsThatOfAllOfThemTogether) {
  LayerShape shape{.d_model = 2048, .d_ff = 1408, .num_experts = 60, .num_shared_experts = 4};
  EXPECT_EQ(shared_ffn_width(shape), 5632);
  EXPECT_EQ(shared_params(shape), 3u * 2048 * 5632);
  shape.num_shared_experts = 0;
  EXPECT_EQ(shared_params(shape), 0u);
  shape.shared_width = 5632;
  shape.shared_kind = SharedKind::gated;  // Qwen1.5-MoE-A2.7B: v has no bias
  EXPECT_EQ(shared_params(shape), 3u * 2048 * 5632 + 2048);
  shape.shared_kind = SharedKind::residual_mix;  // DeepSpeed: W and b
  EXPECT_EQ(shared_params(shape), 3u * 2048 * 5632 + 2 * 2048 + 2);
}

// A bias of ±∞ in effect makes the mix one of its parts; a gate of 0 halves the shared output.
TEST(SharedExperts, JoinTheRoutedSumAsTheirKindSays) {
  const Context context({.threads = 2});
  const std::unique_ptr<Executor> executor = executor_of({});
  LayerShape shape{.d_model = 6, .d_ff = 4, .num_experts = 2, .num_shared_experts = 1};
  const Matrix x = random_rows(130, 6, 1);
  const Matrix outputs = random_rows(130, 6, 2);
  const Matrix routed = random_rows(130, 6, 3);
  const auto joined = [&](const SharedExperts& shared) {
    Matrix y = routed.clone();
    add_shared(shared, {x.view(), outputs.view(), y.view()}, context);
    return y;
  };
  const auto expect = [&](const Matrix& y, float of_routed, float of_shared) {
    for (Index r = 0; r < y.rows(); ++r) {
      for (std::size_t d = 0; d < 6; ++d) {
        EXPECT_FLOAT_EQ(y.row(r)[d], of_routed * routed.row(r)[d] + of_shared * outputs.row(r)[d]);
      }
    }
  };
  expect(joined(make_shared_experts({1, 0, shape, *executor}, context)), 1.0F, 1.0F);
  shape.shared_kind = SharedKind::gated;
  SharedExperts gated = make_shared_experts({1, 0, shape, *executor}, context);
  gated.gate.fill(0.0F);
  expect(joined(gated), 1.0F, 0.5F);
  shape.shared_kind = SharedKind::residual_mix;
  SharedExperts mixed = make_shared_experts({1, 0, shape, *executor}, context);
  mixed.gate.fill(0.0F);
  mixed.gate_bias = {0.0F, 0.0F};
  expect(joined(mixed), 0.5F, 0.5F);
  mixed.gate_bias = {1000.0F, -1000.0F};
  expect(joined(mixed), 1.0F, 0.0F);
  mixed.gate_bias = {-1000.0F, 1000.0F};
  expect(joined(mixed), 0.0F, 1.0F);
}

TEST(SharedExperts, OutputsOfOtherTokensAreRefused) {
  const Context context({.threads = 1});
  const std::unique_ptr<Executor> executor = executor_of({});
  const SharedExperts shared =
      make_shared_experts({1, 0, {.d_model = 4, .num_shared_experts = 1}, *executor}, context);
  const Matrix three = random_rows(3, 4, 1);
  Matrix two(2, 4);
  EXPECT_THROW(add_shared(shared, {two.view(), three.view(), two.view()}, context), Error);
}

}  // namespace
}  // namespace moesim
