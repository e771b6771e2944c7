// Soft mixing: shapes, shares, the oracle.

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "oracle/whole_batch.h"
#include "whole_batch.h"

namespace moesim::testing {
namespace {

SoftMix mix_of(const Scene& scene, const std::string& settings, Index num_experts) {
  return std::get<SoftMix>(scene.route_any(*router_of("{kind: soft" + settings + "}", num_experts)));
}

// Two tokens, two slots. Slot 0: e^1 of e^1 + e^0; token 0: e^1 of e^1 + e^2.
TEST(Soft, SharesAreSoftmaxesOverTokensAndOverSlots) {
  const SoftMix mix = mix_of(scene_of({{1, 2}, {0, 0}}, 2), "", 2);
  EXPECT_NEAR(mix.dispatch.row(0)[0], std::exp(1) / (std::exp(1) + 1), 1e-6);
  EXPECT_NEAR(mix.dispatch.row(1)[0], 1 / (std::exp(1) + 1), 1e-6);
  EXPECT_NEAR(mix.dispatch.row(0)[1], std::exp(2) / (std::exp(2) + 1), 1e-6);
  EXPECT_NEAR(mix.combine.row(0)[0], std::exp(1) / (std::exp(1) + std::exp(2)), 1e-6);
  EXPECT_EQ(mix.combine.row(1)[1], 0.5F);
}

// vmoe, soft_moe/router_test.py, test_forward: equal tokens in, so that every slot is their mean.
TEST(Soft, EqualTokensAreMixedEqually) {
  const Scene scene = scene_of(std::vector<std::vector<float>>(8, std::vector<float>(10, 0.25F)), 10);
  const SoftMix mix = mix_of(scene, ", slots_per_expert: 2", 5);
  for (Index t = 0; t < 8; ++t) {
    for (std::size_t s = 0; s < 10; ++s) {
      EXPECT_EQ(mix.dispatch.row(t)[s], 0.125F);
      EXPECT_FLOAT_EQ(mix.combine.row(t)[s], 0.1F);
    }
  }
}

TEST(Soft, TheGateMakesALogitForEverySlot) {
  EXPECT_EQ(router_of("{kind: soft, slots_per_expert: 3}", 8)->num_logits(), 24);
  EXPECT_EQ(router_of("{preset: mixtral}", 8)->num_logits(), 8);
  const SoftMix mix = mix_of(random_scene(5, 24, 1), ", slots_per_expert: 3", 8);
  EXPECT_EQ(mix.num_experts, 8);
  EXPECT_EQ(mix.dispatch.cols(), 24);
  EXPECT_THROW(mix_of(random_scene(5, 8, 1), ", slots_per_expert: 3", 8), Error);
}

// vmoe, soft_moe/router.py: tokens and slots are normalised, times a scale.
TEST(Soft, TheImplementationsGateIsCosine) {
  const GateRule rule = router_of("{kind: soft, logit: cosine, logit_scale: 2}", 8)->gate_rule();
  EXPECT_EQ(rule.logit, Logit::cosine);
  EXPECT_EQ(rule.logit_scale, 2.0);
  EXPECT_EQ(router_of("{kind: soft}", 8)->gate_rule().logit, Logit::linear);
}

TEST(Soft, EqualsTheNaiveOracleOnAThousandInputs) {
  for (std::uint64_t i = 0; i < 1000; ++i) {
    Input input(i);
    const Index experts = input.among<Index>({1, 2, 3, 8});
    const Index slots = input.among<Index>({1, 2, 5});
    Scene scene = input.scene(input.among<Index>({0, 1, 2, 40, 130}), experts * slots);
    if (input.among<bool>({false, true})) {
      for (Index t = 0; t < scene.logits.rows(); ++t) {
        for (float& z : scene.logits.row(t)) {
          z = z * 20 - 300;  // beyond what exp of a float holds
        }
      }
    }
    const SoftMix mix = mix_of(scene, ", slots_per_expert: " + std::to_string(slots), experts);
    const NaiveMix naive = naive_soft(doubles_of(scene));
    ASSERT_EQ(mix.dispatch.rows(), scene.logits.rows());
    for (Index t = 0; t < scene.logits.rows(); ++t) {
      for (std::size_t s = 0; s < static_cast<std::size_t>(experts * slots); ++s) {
        const double dispatch = naive.dispatch[static_cast<std::size_t>(t)][s];
        const double combine = naive.combine[static_cast<std::size_t>(t)][s];
        ASSERT_NEAR(mix.dispatch.row(t)[s], dispatch, 3e-6 * dispatch + 1e-12) << i;
        ASSERT_NEAR(mix.combine.row(t)[s], combine, 3e-6 * combine + 1e-12) << i;
      }
    }
  }
}

TEST(Soft, ALogitThatIsNotFiniteIsNamedByItsExpert) {
  Scene scene = random_scene(9, 24, 1);
  scene.logits.row(3)[17] = std::nanf("");
  try {
    mix_of(scene, ", slots_per_expert: 3", 8);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(
        error.what(),
        "layer 0, token 3, expert 5: error: the logit is NaN; expected a finite number [not-finite]");
  }
}

TEST(Soft, RefusesNoSlots) {
  EXPECT_EQ(build("router: {kind: soft, slots_per_expert: 0}", 8).errors(),
            "x.yaml:1:40: error: router.slots_per_expert: got 0; expected a whole number from 1 to 65536 "
            "[out-of-range]");
}

}  // namespace
}  // namespace moesim::testing
