#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "building.h"

namespace moesim::testing {
namespace {

Assignments route_random(Index num_tokens, Index num_experts, Index top_k) {
  Scene scene = random_scene(num_tokens, 1, 1);
  return scene.route(*router_of("{kind: random, top_k: " + std::to_string(top_k) + "}", num_experts));
}

std::vector<double> loads(const Assignments& assignments) {
  std::vector<double> load(static_cast<std::size_t>(assignments.num_experts));
  for (const std::int32_t e : assignments.expert) {
    load[static_cast<std::size_t>(e)] += 1;
  }
  return load;
}

TEST(Random, LoadsAreUniform) {
  constexpr double kTokens = 20000;
  constexpr double kExperts = 16;
  constexpr double kTopK = 2;
  const double mean = kTokens * kTopK / kExperts;
  const double variance = mean * (1 - kTopK / kExperts);
  double chi_square = 0;
  for (const double n : loads(route_random(20000, 16, 2))) {
    chi_square += (n - mean) * (n - mean) / variance * (kExperts - 1) / kExperts;
  }
  EXPECT_LT(chi_square, 44.3);  // 15 degrees of freedom, 1 in 10,000 on either side
  EXPECT_GT(chi_square, 2.0);
}

// √((E−K)/(K·T)) is 0.0413 for 64 experts, 8 of them chosen, 4096 tokens.
TEST(Random, CoefficientOfVariationIsTheNoiseFloor) {
  const std::vector<double> load = loads(route_random(4096, 64, 8));
  double squares = 0;
  for (const double n : load) {
    squares += (n - 512) * (n - 512);
  }
  EXPECT_NEAR(std::sqrt(squares / 64) / 512, std::sqrt(56.0 / (8 * 4096)), 0.015);
}

// 1 − C(14,2)/C(16,2) = 29/120.
TEST(Random, NeighboursShareAnExpertAsOftenAsChanceSays) {
  const Assignments got = route_random(20001, 16, 2);
  double shared = 0;
  for (Index t = 0; t < 20000; ++t) {
    const auto a = choices_of(got, t).expert;
    const auto b = choices_of(got, t + 1).expert;
    shared += std::find_first_of(a.begin(), a.end(), b.begin(), b.end()) != a.end() ? 1 : 0;
  }
  EXPECT_NEAR(shared / 20000, 29.0 / 120.0, 4 * std::sqrt(29.0 / 120.0 * 91.0 / 120.0 / 20000));
}

TEST(Random, AnyCutOfTheStreamRoutesTheSame) {
  const auto router = router_of("{kind: random, top_k: 3}", 16);
  const Assignments whole = random_scene(200, 16, 1).route(*router);
  for (const Index cut : {1, 63, 64, 65, 199}) {
    Scene tail = random_scene(200 - cut, 16, 2);
    tail.batch.first_token = static_cast<std::uint64_t>(cut);
    const Assignments got = tail.route(*router);
    for (Index t = 0; t < 200 - cut; ++t) {
      ASSERT_EQ(choices_of(got, t), choices_of(whole, t + cut)) << cut;
    }
  }
}

TEST(Random, SeedAndLayerMatter) {
  const auto router = router_of("{kind: random}", 16);
  Scene scene = random_scene(50, 16, 1);
  const Assignments first = scene.route(*router);
  scene.layer = 1;
  const Assignments second = scene.route(*router);
  scene.layer = 0;
  scene.seed = 8;
  const Assignments third = scene.route(*router);
  EXPECT_NE(first.expert, second.expert);
  EXPECT_NE(first.expert, third.expert);
}

TEST(Random, RefusesMoreExpertsThanThereAre) {
  EXPECT_EQ(build("layer: {num_experts: 1}\nrouter: {kind: random}", 1).errors(),
            "x.yaml:2:1: error: router.top_k: got 2 (the default); expected 1 [out-of-range]\n"
            "  note: x.yaml:1:9: layer.num_experts is 1");
}

}  // namespace
}  // namespace moesim::testing
