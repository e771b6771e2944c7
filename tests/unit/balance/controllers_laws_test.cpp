// What every controller owes, by its traits.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "controlling.h"
#include "core/random.h"
#include "metrics/load.h"

namespace moesim::testing {
namespace {

std::vector<std::string> all_sections() {
  std::vector<std::string> sections;
  for (const std::string& kind : controllers().names()) {
    sections.push_back("{kind: " + kind + "}");
  }
  for (const char* more :
       {"{kind: loss_free_sign_centered, centre: bias}", "{kind: loss_free_prop, rate: 1e-4, error: counts}",
        "{kind: smebu, momentum: 0}", "{kind: longcat, real_per_token: 1.5}",
        "{kind: maxvio_servo, moves: loss_coefficient}", "{kind: maxvio_servo, step: additive, by: 0.001}",
        "{kind: quantile_balancing, method: histogram}", "{kind: quantile_balancing, method: rank_average}",
        "{kind: quantile_balancing, ema: 0.5}", "{kind: expert_threshold, decay: 0}"}) {
    sections.emplace_back(more);
  }
  return sections;
}

class EveryController : public ::testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Controller> controller = controller_of(GetParam());
  ControllerTraits traits = controller->traits();
  bool steers = traits.acts != Acts::coefficient;
};

constexpr int kTokens = 240;
constexpr int kExperts = 6;

// Sigmoid-like values in (0, 1); expert e is more popular the smaller e is.
std::vector<std::vector<float>> skewed_values(std::uint64_t seed) {
  std::vector<std::vector<float>> values(kTokens, std::vector<float>(kExperts));
  for (int t = 0; t < kTokens; ++t) {
    std::vector<float>& row = values[static_cast<std::size_t>(t)];
    fill_normal({.seed = seed, .stream = Stream::test}, static_cast<std::uint64_t>(t), 1.0F, row);
    for (int e = 0; e < kExperts; ++e) {
      float& z = row[static_cast<std::size_t>(e)];
      z = 1.0F / (1.0F + std::exp(-z - 1.0F + 0.4F * static_cast<float>(e)));
    }
  }
  return values;
}

// The loads of a router with this state.
Observed observe(const std::vector<std::vector<float>>& values, const ControllerTraits& traits,
                 const ControllerState& state) {
  if (traits.acts == Acts::multiplies && !state.bias.empty()) {
    std::vector<std::vector<float>> scaled = values;
    for (std::vector<float>& row : scaled) {
      for (std::size_t e = 0; e < row.size(); ++e) {
        row[e] *= static_cast<float>(state.bias[e]);
      }
    }
    return batch_of(scaled, 2);
  }
  Observed observed = batch_of(values, 2, state.bias);
  if (!state.thresholds.empty()) {
    std::fill(observed.loads.begin(), observed.loads.end(), 0);
    for (const std::vector<float>& row : values) {
      for (std::size_t e = 0; e < row.size(); ++e) {
        observed.loads[e] += static_cast<double>(row[e]) >= state.thresholds[e] ? 1 : 0;
      }
    }
  }
  return observed;
}

TEST_P(EveryController, DrivesAnOverloadDown) {
  if (!steers) {
    return;
  }
  const auto values = skewed_values(1);
  ControllerState state = controller->start(kExperts, {});
  const double before = load_stats(observe(values, traits, state).loads).max_violation;
  for (int step = 0; step < 3000; ++step) {
    state = controller->next(state, observe(values, traits, state).record());
  }
  const double after = load_stats(observe(values, traits, state).loads).max_violation;
  EXPECT_GT(before, 0.5);
  EXPECT_LT(after, before / 2) << "from " << before;
}

TEST_P(EveryController, NeverFavoursTheExpertThatIsAlwaysOverloaded) {
  if (!steers || traits.needs_values) {
    return;
  }
  const Observed observed = loads_of({40, 10, 10, 10});
  ControllerState state = controller->start(4, {});
  for (int step = 0; step < 50; ++step) {
    const ControllerState next = controller->next(state, observed.record());
    EXPECT_LT(next.bias[0], state.bias[0]);
    EXPECT_GT(next.bias[1] - next.bias[0], state.bias[1] - state.bias[0]);
    state = next;
  }
}

TEST_P(EveryController, RestsAtBalanceWhereItSaysSo) {
  if (!steers || !traits.rests_at_balance) {
    return;
  }
  const std::vector<float> bias = {0.25F, -0.5F, 0.125F, 0.125F};
  const ControllerState start = controller->start(4, bias);
  ControllerState state = start;
  for (int step = 0; step < 20; ++step) {
    state = controller->next(state, loads_of({7, 7, 7, 7}).record());
  }
  for (std::size_t e = 0; e < 4; ++e) {
    EXPECT_NEAR(state.bias[e], start.bias[e], 1e-15);
  }
}

TEST_P(EveryController, LeavesTheMeanOfTheBiasAtZeroWhereItSaysSo) {
  if (!traits.centred) {
    return;
  }
  ControllerState state = controller->start(kExperts, std::vector<float>(kExperts, 0.75F));
  for (std::uint64_t step = 0; step < 20; ++step) {
    state = controller->next(state, observe(skewed_values(step), traits, state).record());
    EXPECT_NEAR(std::accumulate(state.bias.begin(), state.bias.end(), 0.0), 0.0, 1e-12);
  }
}

TEST_P(EveryController, GivesTheSameStateForTheSameRecord) {
  const Observed observed = observe(skewed_values(2), traits, {});
  const ControllerState start = controller->start(kExperts, {});
  const ControllerState once = controller->next(start, observed.record());
  const ControllerState again = controller->next(start, observed.record());
  EXPECT_EQ(once.bias, again.bias);
  EXPECT_EQ(once.thresholds, again.thresholds);
  EXPECT_EQ(once.coefficient, again.coefficient);
  EXPECT_EQ(once.step, 1u);
}

TEST_P(EveryController, LearnsNothingFromAnEmptyStep) {
  ControllerState state =
      controller->next(controller->start(kExperts, {}), observe(skewed_values(3), traits, {}).record());
  Observed empty;
  empty.loads.assign(kExperts, 0);
  const ControllerState after = controller->next(state, empty.record());
  EXPECT_EQ(after.bias, state.bias);
  EXPECT_EQ(after.step, state.step);
}

TEST_P(EveryController, RenamingExpertsRenamesTheBias) {
  const std::vector<std::size_t> renamed = {3, 0, 5, 1, 4, 2};
  const auto values = skewed_values(4);
  std::vector<std::vector<float>> other(values.size(), std::vector<float>(kExperts));
  for (std::size_t t = 0; t < values.size(); ++t) {
    for (std::size_t e = 0; e < kExperts; ++e) {
      other[t][renamed[e]] = values[t][e];
    }
  }
  ControllerState a = controller->start(kExperts, {});
  ControllerState b = a;
  for (int step = 0; step < 3; ++step) {
    a = controller->next(a, observe(values, traits, a).record());
    b = controller->next(b, observe(other, traits, b).record());
  }
  for (std::size_t e = 0; e < a.bias.size(); ++e) {
    EXPECT_NEAR(b.bias[renamed[e]], a.bias[e], 1e-12);
  }
  for (std::size_t e = 0; e < a.thresholds.size(); ++e) {
    EXPECT_EQ(b.thresholds[renamed[e]], a.thresholds[e]);
  }
}

TEST_P(EveryController, ReachesTheRouterAsItsTraitsSay) {
  ControllerState state =
      controller->next(controller->start(kExperts, {}), observe(skewed_values(5), traits, {}).record());
  const RouterState before{.expert_bias = std::vector<float>(kExperts, 0.5F)};
  const RouterState after = steered(*controller, state, before);
  const std::size_t scales = traits.acts == Acts::multiplies ? kExperts : 0;
  EXPECT_EQ(after.selection_scale.size(), scales);
  EXPECT_EQ(after.expert_bias == before.expert_bias, traits.acts != Acts::adds);
}

INSTANTIATE_TEST_SUITE_P(Controllers, EveryController, ::testing::ValuesIn(all_sections()));

TEST(Controllers, QuantileBalancingBalancesTheBatchItSawToWithinTies) {
  const auto controller = controller_of("{kind: quantile_balancing}");
  const auto values = skewed_values(6);
  ControllerState state = controller->start(kExperts, {});
  for (int step = 0; step < 30; ++step) {
    state = controller->next(state, observe(values, controller->traits(), state).record());
  }
  EXPECT_LT(load_stats(observe(values, controller->traits(), state).loads).max_violation, 0.05);
}

TEST(Controllers, TheHistogramErrsByAtMostABinAndAGapBetweenTokens) {
  const auto exact = controller_of("{kind: quantile_balancing}");
  const auto histogram = controller_of("{kind: quantile_balancing, method: histogram, bins: 1000}");
  const Observed observed = observe(skewed_values(7), exact->traits(), {});
  const std::vector<double> a = exact->next(exact->start(kExperts, {}), observed.record()).bias;
  const std::vector<double> b = histogram->next(histogram->start(kExperts, {}), observed.record()).bias;
  for (std::size_t e = 0; e < kExperts; ++e) {
    EXPECT_NEAR(b[e], a[e], 2 * 0.002 + 0.03) << e;
  }
}

TEST(Controllers, OneRankIsThePool) {
  const auto exact = controller_of("{kind: quantile_balancing}");
  const auto one = controller_of("{kind: quantile_balancing, method: rank_average, ranks: 1}");
  const Observed observed = observe(skewed_values(8), exact->traits(), {});
  EXPECT_EQ(exact->next(exact->start(kExperts, {}), observed.record()).bias,
            one->next(one->start(kExperts, {}), observed.record()).bias);
}

TEST(Controllers, ThresholdsOfTheLastBatchTakeExactlyAFairShareOfIt) {
  const auto controller = controller_of("{kind: expert_threshold, decay: 0}");
  const auto values = skewed_values(9);
  const ControllerState state =
      controller->next(controller->start(kExperts, {}), observe(values, controller->traits(), {}).record());
  for (const std::uint64_t load : observe(values, controller->traits(), state).loads) {
    EXPECT_EQ(load, 2u * kTokens / kExperts);
  }
}

}  // namespace
}  // namespace moesim::testing
