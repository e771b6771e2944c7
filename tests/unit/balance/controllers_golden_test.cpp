// Worked numbers of each rule: loads [4, 3, 1, 8] (mean 4) for the rules that look at loads, one batch of
// four tokens for those that look at values.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "controlling.h"

namespace moesim::testing {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;

const std::vector<std::uint64_t> kLoads = {4, 3, 1, 8};

void expect_near(const std::vector<double>& got, const std::vector<double>& wanted, double tolerance) {
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_NEAR(got[i], wanted[i], tolerance) << "expert " << i;
  }
}

TEST(ControllerNumbers, TheSignMovesEveryExpertButTheBalancedOneByTheRate) {
  expect_near(first_bias("{kind: loss_free_sign}", kLoads), {0, 1e-3, 1e-3, -1e-3}, 1e-18);
}

TEST(ControllerNumbers, CentredTheStepsSumToZero) {
  for (const char* centre : {"update", "bias"}) {
    expect_near(first_bias(std::string("{kind: loss_free_sign_centered, centre: ") + centre + "}", kLoads),
                {-0.25e-3, 0.75e-3, 0.75e-3, -1.25e-3}, 1e-18);
  }
}

TEST(ControllerNumbers, CentringTheUpdateKeepsTheMeanOfTheBiasAndCentringTheBiasTakesItAway) {
  const std::vector<float> bias = {1, 1, 1, 1};
  for (const bool update : {true, false}) {
    const auto controller = controller_of(std::string("{kind: loss_free_sign_centered, centre: ") +
                                          (update ? "update}" : "bias}"));
    const ControllerState state = controller->next(controller->start(4, bias), loads_of(kLoads).record());
    const double mean = update ? 1.0 : 0.0;
    expect_near(state.bias, {mean - 0.25e-3, mean + 0.75e-3, mean + 0.75e-3, mean - 1.25e-3}, 1e-15);
  }
}

TEST(ControllerNumbers, InProportionToCountsOrToTheMeanLoad) {
  expect_near(first_bias("{kind: loss_free_prop, rate: 0.001, error: counts}", kLoads),
              {0, 1e-3, 3e-3, -4e-3}, 1e-18);
  expect_near(first_bias("{kind: loss_free_prop, rate: 0.001}", kLoads), {0, 0.25e-3, 0.75e-3, -1e-3}, 1e-18);
}

TEST(ControllerNumbers, AFactorStartsAtOneAndMovesByTheSign) {
  expect_near(first_bias("{kind: loss_free_mul}", kLoads), {1, 1.001, 1.001, 0.999}, 1e-15);
}

TEST(ControllerNumbers, AFactorStopsAtZero) {
  const auto controller = controller_of("{kind: loss_free_mul, rate: 0.75}");
  ControllerState state = controller->start(4, {});
  for (const double least : {0.25, 0.0, 0.0}) {
    state = controller->next(state, loads_of(kLoads).record());
    EXPECT_EQ(state.bias[3], least);
  }
}

TEST(ControllerNumbers, SmebuClampsCentresAndSmooths) {
  const std::vector<double> first = first_bias("{kind: smebu}", kLoads);
  expect_near(first, {-2.520e-5, 9.033e-5, 20.108e-5, -26.621e-5}, 0.0005e-5);
  // The same record again: m = 0.5·m + 0.5·Δ, where m was 0.5·Δ.
  const auto controller = controller_of("{kind: smebu}");
  ControllerState state = controller->start(4, {});
  const Observed observed = loads_of(kLoads);
  state = controller->next(state, observed.record());
  state = controller->next(state, observed.record());
  for (std::size_t e = 0; e < 4; ++e) {
    EXPECT_NEAR(state.bias[e], first[e] * 2.5, 1e-18);
  }
}

TEST(ControllerNumbers, LongcatDrivesRealExpertsToAShareThatLeavesKeToAToken) {
  // K = 2, T = 8, E = 4 of which 1 computes nothing, K_e = 1: target 1/(2·3) of the 16 assignments.
  const auto controller = controller_of("{kind: longcat, rate: 1, real_per_token: 1}");
  Observed observed = loads_of(kLoads);
  observed.num_zero_experts = 1;
  const ControllerState state = controller->next(controller->start(4, {}), observed.record());
  expect_near(state.bias, {1.0 / 6 - 4.0 / 16, 1.0 / 6 - 3.0 / 16, 1.0 / 6 - 1.0 / 16, 0}, 1e-15);
}

TEST(ControllerNumbers, LongcatWithoutZeroExpertsIsTheProportionalRule) {
  const std::vector<double> longcat = first_bias("{kind: longcat, rate: 0.004}", kLoads);
  expect_near(longcat, first_bias("{kind: loss_free_prop, rate: 0.001}", kLoads), 1e-16);
}

TEST(ControllerNumbers, IdBalancingAddsTheGrowthOfAnErrorThatGrowsWithoutChangingSign) {
  const auto controller = controller_of("{kind: id_balancing, integral: 1, derivative: 10}");
  ControllerState state = controller->start(4, {});
  state = controller->next(state, loads_of({4, 3, 2, 7}).record());  // e = 0, 0.25, 0.5, -0.75
  expect_near(state.bias, {0, 0.25, 0.5, -0.75}, 1e-15);
  // e = -0.25 (from 0: no), 0.5 (grew by 0.25), 0.25 (shrank), -0.5 (shrank)
  state = controller->next(state, loads_of({5, 2, 3, 6}).record());
  const std::vector<double> moved = {-0.25, 0.25 + 0.5 + 2.5, 0.5 + 0.25, -0.75 - 0.5};
  const double mean = (moved[0] + moved[1] + moved[2] + moved[3]) / 4;
  expect_near(state.bias, {moved[0] - mean, moved[1] - mean, moved[2] - mean, moved[3] - mean}, 1e-15);
  // Across zero: -0.25 → 0.5 and 0.5 → -0.25 have no derivative term.
  const std::vector<double> before = state.bias;
  state = controller->next(state, loads_of({2, 5, 3, 6}).record());
  expect_near(state.bias, {before[0] + 0.5, before[1] - 0.25, before[2] + 0.25, before[3] - 0.5}, 1e-14);
}

// Su's example: its ties make [2, 2, 2, 2] out of reach, and the first β is a fixed point.
const std::vector<std::vector<float>> kBatch = {
    {3, 1, 0, -1}, {2.5F, 2, -0.5F, 0.5F}, {2, 0.5F, 1, -0.5F}, {1.5F, 0, -1, 1}};

TEST(ControllerNumbers, QuantileBalancingFindsTheBiasThatWouldHaveBalancedTheBatch) {
  const Observed observed = batch_of(kBatch, 2);
  EXPECT_THAT(observed.loads, ElementsAre(4, 2, 1, 1));
  const auto controller = controller_of("{kind: quantile_balancing}");
  const ControllerState state = controller->next(controller->start(4, {}), observed.record());
  expect_near(state.bias, {-1.625, -0.125, 0.875, 0.875}, 0);
  const Observed again = batch_of(kBatch, 2, state.bias);
  EXPECT_THAT(again.loads, ElementsAre(3, 2, 1, 2));
  EXPECT_EQ(controller->next(state, again.record()).bias, state.bias);
}

TEST(ControllerNumbers, QuantileBalancingKeepsAShareOfTheOldBias) {
  const auto controller = controller_of("{kind: quantile_balancing, ema: 0.75}");
  const ControllerState state = controller->next(controller->start(4, {}), batch_of(kBatch, 2).record());
  expect_near(state.bias, {-1.625 / 4, -0.125 / 4, 0.875 / 4, 0.875 / 4}, 1e-15);
}

TEST(ControllerNumbers, AMeanOfQuantilesIsNotTheQuantileOfThePool) {
  const Observed observed = batch_of(kBatch, 2);
  // Each token a rank: m = 0, the largest of one number. Columns of v − α, averaged, centred.
  const auto controller = controller_of("{kind: quantile_balancing, method: rank_average, ranks: 4}");
  const ControllerState state = controller->next(controller->start(4, {}), observed.record());
  // v − α: [3 1 0 −1] [2 1.5 −1 0] [1.5 0 .5 −1] [1.5 0 −1 1]; means 2, .625, −.375, −.25
  const double mean = (2 + 0.625 - 0.375 - 0.25) / 4;
  expect_near(state.bias, {mean - 2, mean - 0.625, mean + 0.375, mean + 0.25}, 1e-15);
}

TEST(ControllerNumbers, TheHistogramInterpolatesInsideTheBinOfTheQuantile) {
  // Bias 0: bins over [−1, 1]. r = α − v: 4 bins of width 0.5 from −1; K/E·T = 2 tokens wanted.
  //   expert 0  −3 −2 −1.5 −1.5  all in bin 0 → −1 + 0.5·2/4
  //   expert 1  −1 −1.5 0 0      bin 0 holds 2 → −1 + 0.5·2/2
  //   expert 2  0 1 −0.5 1       bin 1 holds 1, bin 2 holds 1 → −1 + 0.5·(2 + 1/1)
  //   expert 3  1 0 1 −1         bin 0 holds 1, bin 2 holds 1 → −1 + 0.5·(2 + 1/1)
  const auto controller = controller_of("{kind: quantile_balancing, method: histogram, bins: 4}");
  const ControllerState state = controller->next(controller->start(4, {}), batch_of(kBatch, 2).record());
  const double mean = (-0.75 - 0.5 + 0.5 + 0.5) / 4;
  expect_near(state.bias, {-0.75 - mean, -0.5 - mean, 0.5 - mean, 0.5 - mean}, 1e-15);
}

TEST(ControllerNumbers, ThresholdsAreTheMeanCutOffOfAFairShare) {
  // m = 2·4/4 = 2: the second largest of each column.
  const auto controller = controller_of("{kind: expert_threshold, decay: 0.5}");
  ControllerState state = controller->start(4, {});
  EXPECT_TRUE(state.thresholds.empty());
  state = controller->next(state, batch_of(kBatch, 2).record());
  expect_near(state.thresholds, {2.5, 1, 0, 0.5}, 0);
  // Weights 1/3 and 2/3: 0.5 and 1 over their sum.
  state =
      controller->next(state, batch_of({{1, 1, 1, 1}, {0, 0, 0, 0}, {1, 1, 1, 1}, {0, 0, 0, 0}}, 2).record());
  expect_near(state.thresholds, {1.5, 1, 2.0 / 3, 2.5 / 3}, 1e-15);
}

TEST(ControllerNumbers, TheServoRaisesTheRateWhileMaxVioIsAboveItsTarget) {
  const auto controller = controller_of("{kind: maxvio_servo, target: 0.5, by: 0.1, start: 0.01}");
  ControllerState state = controller->start(4, {});
  state = controller->next(state, loads_of(kLoads).record());  // MaxVio 1
  expect_near(state.bias, {0, 0.01, 0.01, -0.01}, 1e-17);
  EXPECT_NEAR(state.coefficient, 0.01 * std::exp(0.1), 1e-15);
  state = controller->next(state, loads_of({5, 4, 4, 3}).record());  // MaxVio 0.25
  EXPECT_NEAR(state.coefficient, 0.01, 1e-15);
  expect_near(state.bias, {-0.01 * std::exp(0.1), 0.01, 0.01, -0.01 + 0.01 * std::exp(0.1)}, 1e-15);
}

TEST(ControllerNumbers, TheServoOfALossHasNoBiasAndStaysWithinItsBounds) {
  const auto controller = controller_of(
      "{kind: maxvio_servo, moves: loss_coefficient, step: additive, by: 0.04, start: 0.05, highest: 0.1}");
  ControllerState state = controller->start(4, {});
  EXPECT_TRUE(state.bias.empty());
  for (const double wanted : {0.09, 0.1, 0.1}) {
    state = controller->next(state, loads_of(kLoads).record());
    EXPECT_NEAR(state.coefficient, wanted, 1e-15);
  }
  EXPECT_TRUE(state.bias.empty());
}

TEST(ControllerNumbers, TheSignFreezesAfterItsSteps) {
  const auto controller = controller_of("{kind: loss_free_sign, freeze_after: 2}");
  ControllerState state = controller->start(4, {});
  for (int step = 0; step < 5; ++step) {
    state = controller->next(state, loads_of(kLoads).record());
  }
  expect_near(state.bias, {0, 2e-3, 2e-3, -2e-3}, 1e-17);
  EXPECT_EQ(state.step, 5u);
}

}  // namespace
}  // namespace moesim::testing
