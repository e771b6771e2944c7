// Sinkhorn's scalings against the oracle, and what each of the three implementations does with them.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "oracle/sinkhorn.h"
#include "whole_batch.h"

namespace moesim::testing {
namespace {

using Ids = std::vector<std::int32_t>;

Assignments route(const Scene& scene, const std::string& settings) {
  return scene.route(*router_of("{kind: sinkhorn" + settings + "}", scene.logits.cols()));
}

std::string error_of(const Scene& scene, const std::string& settings) {
  try {
    route(scene, settings);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return std::string(error.what()) + "\n" + error.help();
  }
  return "no error";
}

// Both tokens prefer expert 0, the first by more: scaled, the second goes to expert 1. The weights are those
// of the plain logits.
TEST(Sinkhorn, ScalingMovesTokensToFreeExperts) {
  const Scene scene = scene_of({{2, 0}, {1, 0}}, 2);
  for (const char* stop : {"megatron", "gpt_neox"}) {
    const Assignments train = route(scene, std::string(", stop: ") + stop);
    EXPECT_EQ(train.expert, (Ids{0, 1})) << stop;
    EXPECT_NEAR(train.weight[0], 1 / (1 + std::exp(-2.0)), 1e-6);
    EXPECT_EQ(train.weight[1], 0.5F);
    EXPECT_EQ(route(scene, std::string(", mode: eval, stop: ") + stop).expert, (Ids{0, 0}));
  }
}

TEST(Sinkhorn, WithSeveralExpertsTheWeightsAreASoftmaxOverAll) {
  const Scene scene = scene_of({{2, 1, 0}, {0, 1, 2}}, 3);
  for (const char* mode : {"train", "eval"}) {
    const Assignments got = route(scene, std::string(", top_k: 2, mode: ") + mode);
    const double sum = 1 + std::exp(1.0) + std::exp(2.0);
    EXPECT_EQ(got.expert, (Ids{0, 1, 2, 1})) << mode;
    EXPECT_NEAR(got.weight[0], std::exp(2.0) / sum, 1e-6);
    EXPECT_NEAR(got.weight[1], std::exp(1.0) / sum, 1e-6);
  }
}

// Sigmoid saturates: in use the implementations compare its values, not the logits.
TEST(Sinkhorn, InUseSaturatedScoresAreTies) {
  EXPECT_EQ(route(scene_of({{20, 30}}, 2), ", mode: eval").expert, (Ids{0}));
  EXPECT_EQ(route(scene_of({{20, 30}}, 2), ", mode: eval, top_k: 2").expert, (Ids{1, 0}));
}

TEST(Sinkhorn, MegatronAndGptNeoxEqualTheNaiveOracleOnMoreThanAThousandInputs) {
  int compared = 0;
  for (std::uint64_t i = 0; i < 1500; ++i) {
    Input input(i);
    const int experts = input.among<int>({1, 2, 3, 8, 16});
    const Scene scene = input.scene(input.among<Index>({0, 1, 2, 5, 40}), experts);
    NaiveScaling scaling{
        .top_k = input.among<int>({1, 1 + static_cast<int>(input.random.next_below(experts)), experts})};
    std::string settings = ", top_k: " + std::to_string(scaling.top_k);
    if (input.among<bool>({false, true})) {
      scaling.starts_from_columns = true;
      scaling.rounds = 3;
      settings += ", stop: gpt_neox";
      if (input.among<bool>({false, true})) {
        scaling.rounds = input.among<int>({1, 7});
        settings += ", max_iterations: " + std::to_string(scaling.rounds);
      }
    }
    const NaiveTaken naive = naive_sinkhorn(doubles_of(scene), scaling);
    const Assignments real = route(scene, settings);
    if (!naive.ambiguous) {
      ++compared;
      compare(real, naive, settings + " input " + std::to_string(i));
    }
  }
  EXPECT_GT(compared, 1000);
}

// The noise of lucidrains' Gumbel option, drawn by the token's place in the stream.
NaiveMatrix noise_of(const Scene& scene, double scale) {
  const Index experts = scene.logits.cols();
  NaiveMatrix noise;
  for (Index t = 0; t < (scene.logits.rows() + experts - 1) / experts * experts; ++t) {
    RandomSequence random({.seed = scene.seed, .stream = Stream::router_noise, .layer = scene.layer},
                          scene.batch.first_token + static_cast<std::uint64_t>(t));
    noise.emplace_back();
    for (Index e = 0; e < experts; ++e) {
      const double u = std::max(random.next_uniform(), 1e-10);
      noise.back().push_back(-std::log(std::max(-std::log(u), 1e-10)) * scale);
    }
  }
  return noise;
}

TEST(Sinkhorn, LucidrainsEqualsTheNaiveOracleOnMoreThanAThousandInputs) {
  int compared = 0;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    Input input(i);
    const int experts = input.among<int>({1, 2, 3, 8});
    Scene scene = input.scene(experts + 1 + static_cast<Index>(input.random.next_below(40)), experts);
    scene.batch.first_token = i;
    NaiveLogScaling scaling;
    std::string settings = ", stop: lucidrains";
    if (input.among<bool>({false, true})) {
      scaling.competitive = false;
      scaling.temperature = 0.7;
      scaling.rounds = 5;
      settings += ", competitive: false, temperature: 0.7, max_iterations: 5";
    }
    if (input.among<bool>({false, true})) {
      scaling.noise = noise_of(scene, 0.5);
      settings += ", gumbel: true, gumbel_scale: 0.5";
    }
    const NaiveTaken naive = naive_log_sinkhorn(doubles_of(scene), scaling);
    const Assignments real = route(scene, settings);
    if (!naive.ambiguous) {
      ++compared;
      compare(real, naive, settings + " input " + std::to_string(i));
    }
  }
  EXPECT_GT(compared, 1000);
}

// 5 tokens, 2 experts: each takes ⌈5/2⌉ = 3.
TEST(Sinkhorn, LucidrainsExpertsTakeEquallyManyTokens) {
  const Scene scene = random_scene(5, 2, 4);
  Ids load(2);
  for (const std::int32_t e : route(scene, ", stop: lucidrains").expert) {
    ++load[static_cast<std::size_t>(e)];
  }
  EXPECT_EQ(load, (Ids{3, 3}));
}

// sinkhorn_router.py, non_routed_forward: up to as many tokens as experts are not worth balancing.
TEST(Sinkhorn, LucidrainsSmallBatchesTakeTheirBestExpert) {
  const Scene scene = scene_of({{3, 1}, {2, 1}}, 2);
  const Assignments got = route(scene, ", stop: lucidrains");
  EXPECT_EQ(got.expert, (Ids{0, 0}));
  EXPECT_EQ(got.weight, (std::vector<float>{1, 1}));
  EXPECT_NEAR(route(scene, ", stop: lucidrains, competitive: false").weight[1], 1 / (1 + std::exp(-2.0)),
              1e-6);
  EXPECT_EQ(route(random_scene(40, 2, 1), ", stop: lucidrains, mode: eval").expert.size(), 40u);
}

// A token of one taker: the mean over its output and the zeros it is added to.
TEST(Sinkhorn, LucidrainsGatesAreHardAndAveragedWithZero) {
  const Scene scene = scene_of({{9, 0.1F}, {0.1F, 9}, {8, 0.1F}, {0.1F, 8}}, 2);
  const Assignments got = route(scene, ", stop: lucidrains");
  EXPECT_EQ(got.expert, (Ids{0, 1, 0, 1}));
  EXPECT_EQ(got.weight, std::vector<float>(4, 0.5F));
}

// All negative logits are the same 1e-10 to it.
TEST(Sinkhorn, LucidrainsTakesTheLogitsThemselvesForTheMatrix) {
  const Scene a = scene_of({{-1, 2}, {-2, 1}, {1, -5}}, 2);
  const Scene b = scene_of({{-9, 2}, {-3, 1}, {1, -1}}, 2);
  EXPECT_EQ(route(a, ", stop: lucidrains").score, route(b, ", stop: lucidrains").score);
}

TEST(Sinkhorn, NoiseFollowsSeedLayerAndPlace) {
  Scene scene = random_scene(64, 8, 2);
  const std::string settings = ", stop: lucidrains, gumbel: true";
  const Assignments first = route(scene, settings);
  EXPECT_EQ(route(scene, settings).expert, first.expert);
  scene.seed += 1;
  EXPECT_NE(route(scene, settings).expert, first.expert);
  scene.seed -= 1;
  scene.layer = 1;
  EXPECT_NE(route(scene, settings).expert, first.expert);
}

TEST(Sinkhorn, MegatronsMissingLimitIsAnErrorThatNamesIt) {
  Scene scene = random_scene(40, 8, 3);
  for (Index t = 0; t < 40; ++t) {
    scene.logits.row(t)[0] += 3;
  }
  scene.layer = 2;
  EXPECT_EQ(
      error_of(scene, ", max_iterations: 2"),
      "layer 2: error: the scaling has not converged after 2 iterations; expected the mean change of the "
      "experts' scales to fall to 0.0001 [no-convergence]\n"
      "raise router.max_iterations, or write stop: gpt_neox, which takes what it has after 3");
  EXPECT_EQ(error_of(scene, ", max_iterations: 2, stop: gpt_neox"), "no error");
  EXPECT_EQ(error_of(scene, ""), "no error");
}

// The 1e-8 in both denominators moves scale from the experts to the token, by more than the tolerance a round
// where exponentials differ much: for some 100,000 rounds here.
TEST(Sinkhorn, OneTokenCanTakeMegatronVeryManyRounds) {
  Scene scene = random_scene(1, 64, 3);
  for (float& z : scene.logits.row(0)) {
    z *= 3;
  }
  EXPECT_NE(error_of(scene, ", max_iterations: 10000"), "no error");
  EXPECT_EQ(error_of(scene, ""), "no error");
}

TEST(Sinkhorn, LogitsBeyondTheExponentialAreNamed) {
  Scene scene = random_scene(3, 4, 3);
  scene.logits.row(1)[2] = 601;
  scene.batch.first_token = 10;
  EXPECT_EQ(
      error_of(scene, ""),
      "layer 0, token 11, expert 2: error: the logit 601 is too large for the exponential of router.kind "
      "sinkhorn; expected at most 600 [out-of-range]\n"
      "choose another router, or make the tokens' vectors smaller");
  scene.logits.row(1)[2] = 600;
  scene.logits.row(0)[0] = -3e38F;
  for (const char* settings : {"", ", stop: gpt_neox", ", stop: lucidrains", ", mode: eval"}) {
    EXPECT_EQ(error_of(scene, settings), "no error") << settings;
  }
  EXPECT_EQ(error_of(scene_of({{-700, -700}, {-700, -3e38F}}, 2), ", stop: gpt_neox"), "no error");
}

TEST(Sinkhorn, RefusesKeysWithoutEffect) {
  const auto errors = [](const std::string& settings) {
    return build("router: {kind: sinkhorn, " + settings + "}", 8).errors();
  };
  EXPECT_EQ(errors("top_k: 9"),
            "x.yaml:1:26: error: router.top_k: got 9; expected a whole number from 1 to 8 [out-of-range]\n"
            "  note: x.yaml:1:1: layer.num_experts is 8 (the default)");
  EXPECT_EQ(
      errors("stop: lucidrains, top_k: 2"),
      "x.yaml:1:44: error: router.top_k: has no effect because with router.stop lucidrains experts choose "
      "[no-effect]");
  EXPECT_EQ(errors("gumbel: true"),
            "x.yaml:1:26: error: router.gumbel: has no effect because only router.stop lucidrains, in mode "
            "train, has it [no-effect]");
  EXPECT_EQ(
      errors("stop: lucidrains, gumbel_scale: 2"),
      "x.yaml:1:44: error: router.gumbel_scale: has no effect because router.gumbel is false [no-effect]");
  EXPECT_EQ(
      errors("mode: eval, max_iterations: 5"),
      "x.yaml:1:38: error: router.max_iterations: has no effect because router.mode is eval [no-effect]");
  EXPECT_EQ(
      errors("stop: forever"),
      "x.yaml:1:32: error: router.stop: unknown choice 'forever'; expected one of gpt_neox, lucidrains, "
      "megatron [unknown-choice]");
}

}  // namespace
}  // namespace moesim::testing
