// The closed loop: controllers against the table of a reference experiment, streams, and the same bits for
// any number of threads.

#include "engine/balance_loop.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "core/error.h"
#include "engine/run.h"
#include "io/npy.h"
#include "metrics/load.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

const std::string kReference =
    "layer: {d_model: 8, num_experts: 16}\n"
    "workload: {kind: gaussian_clusters, tokens: 1024}\n"
    "router: {kind: token_choice, score_func: sigmoid, top_k: 2}\n"
    "balance:\n"
    "  stream: {kind: stationary}\n"
    "  controllers:\n"
    "    - {kind: loss_free_sign, rate: 0.001}\n"
    "    - {kind: loss_free_sign, rate: 0.01}\n"
    "    - {kind: loss_free_prop, rate: 0.01}\n"
    "    - {kind: smebu}\n"
    "    - {kind: id_balancing}\n"
    "    - {kind: quantile_balancing}\n";

BalanceRecord balance(const std::string& config, const std::vector<std::string>& overrides = {},
                      int threads = 2) {
  const TempFolder folder;
  const Experiment experiment =
      load_experiment(folder.write("c.yaml", config), overrides, {.purpose = Purpose::closed_loop});
  return run_balance(experiment, {.threads = threads});
}

std::map<std::string, BalanceSummary> summaries(const BalanceRecord& record) {
  std::map<std::string, BalanceSummary> all;
  for (const BalanceCourse& course : record.courses) {
    all[course.title] = summarise_course(course.steps);
  }
  return all;
}

TEST(BalanceLoop, KeepsTheLoadsOfTheLastStep) {
  const BalanceRecord record = balance(kReference, {"balance.steps=7"});
  for (const BalanceCourse& course : record.courses) {
    ASSERT_EQ(course.last_loads.size(), 16u) << course.title;
    EXPECT_DOUBLE_EQ(load_stats(course.last_loads).max_violation, course.steps.back().max_violation);
    EXPECT_EQ(std::accumulate(course.last_loads.begin(), course.last_loads.end(), std::uint64_t{0}), 2048u);
    EXPECT_EQ(course.acts, Acts::adds) << course.title;
  }
}

// Published: 3.77, 3.77, 3.77 … for one unnamed seed; this one is near it. Ranges are of several seeds.
TEST(BalanceLoop, ReproducesTheReferenceTable) {
  const BalanceRecord record = balance(kReference, {"seed=1"});
  EXPECT_NEAR(record.noise_floor.max_violation.mean, 0.150, 0.01);
  const auto rows = summaries(record);
  struct Row {
    const char* title;
    double steps_1_5, steps_45_55, last_50;  // as published
    double within;                           // of each, relative
    Index first_low, first_high;             // of the first step below 0.5; -1: never
  };
  for (const Row& row : {Row{"none", 3.76, 3.69, 3.76, 0.1, -1, -1},
                         Row{"loss_free_sign rate=0.001", 3.72, 2.76, 0.157, 0.15, 120, 190},
                         Row{"loss_free_sign rate=0.01", 3.20, 0.258, 0.245, 0.25, 10, 24},
                         Row{"loss_free_prop rate=0.01", 1.85, 0.169, 0.154, 0.15, 8, 20},
                         Row{"smebu", 3.75, 3.28, 0.736, 0.35, 240, 299},
                         Row{"id_balancing", 2.49, 0.210, 0.153, 0.15, 12, 28},
                         Row{"quantile_balancing", 0.233, 0.212, 0.200, 0.15, 1, 2}}) {
    ASSERT_EQ(rows.count(row.title), 1u) << row.title;
    const BalanceSummary& got = rows.at(row.title);
    EXPECT_NEAR(got.first, 3.77, 0.4) << row.title;
    EXPECT_NEAR(got.steps_1_5, row.steps_1_5, row.within * row.steps_1_5) << row.title;
    EXPECT_NEAR(got.steps_45_55, row.steps_45_55, row.within * row.steps_45_55) << row.title;
    EXPECT_NEAR(got.last_50.max_violation, row.last_50, row.within * row.last_50) << row.title;
    EXPECT_GE(got.first_below_half.value_or(-1), row.first_low) << row.title;
    EXPECT_LE(got.first_below_half.value_or(-1), row.first_high) << row.title;
  }
}

TEST(BalanceLoop, OrdersTheControllersTheSameForEverySeed) {
  for (const char* seed : {"2", "3", "4"}) {
    const BalanceRecord record = balance(kReference, {std::string("seed=") + seed});
    const auto rows = summaries(record);
    const auto last = [&](const char* title) { return rows.at(title).last_50.max_violation; };
    const double chance = record.noise_floor.max_violation.mean;
    // Proportional and ID reach what chance shows; quantiles of one batch and a coarse sign stay above it; a
    // fine sign and SMEBU are on their way.
    EXPECT_LT(last("loss_free_prop rate=0.01"), 1.15 * chance) << seed;
    EXPECT_LT(last("id_balancing"), 1.15 * chance) << seed;
    EXPECT_GT(last("quantile_balancing"), 1.1 * chance) << seed;
    EXPECT_LT(last("quantile_balancing"), 1.6 * chance) << seed;
    EXPECT_GT(last("loss_free_sign rate=0.01"), 1.2 * chance) << seed;
    EXPECT_LT(last("loss_free_sign rate=0.001"), last("smebu")) << seed;
    EXPECT_LT(last("smebu"), last("none")) << seed;
    EXPECT_LT(rows.at("quantile_balancing").steps_1_5, rows.at("loss_free_prop rate=0.01").steps_1_5) << seed;
    EXPECT_LT(rows.at("loss_free_prop rate=0.01").steps_1_5, rows.at("id_balancing").steps_1_5) << seed;
    EXPECT_LT(rows.at("id_balancing").steps_1_5, rows.at("loss_free_sign rate=0.01").steps_1_5) << seed;
  }
}

const std::string kSmall =
    "layer: {d_model: 8, num_experts: 8}\n"
    "workload: {kind: gaussian_clusters, tokens: 100}\n"
    "router: {kind: token_choice, score_func: sigmoid, top_k: 2}\n";

std::string every_kind() {
  std::string list;
  for (const std::string& kind : controllers().names()) {
    list += (list.empty() ? "{kind: " : ", {kind: ") + kind + "}";
  }
  return list;
}

bool same(const BalanceRecord& a, const BalanceRecord& b) {
  if (a.courses.size() != b.courses.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.courses.size(); ++i) {
    const BalanceCourse& x = a.courses[i];
    const BalanceCourse& y = b.courses[i];
    if (x.steps.size() != y.steps.size() || x.last.bias != y.last.bias ||
        x.last.thresholds != y.last.thresholds) {
      return false;
    }
    for (std::size_t s = 0; s < x.steps.size(); ++s) {
      if (x.steps[s].max_violation != y.steps[s].max_violation ||
          x.steps[s].gate_mass != y.steps[s].gate_mass) {
        return false;
      }
    }
  }
  return true;
}

TEST(BalanceLoop, SameBitsForAnyNumberOfThreads) {
  for (const char* stream : {"stationary", "drifting", "workload"}) {
    const std::string config = kSmall + "balance: {steps: 20, stream: {kind: " + stream +
                               "}, controllers: [" + every_kind() + "]}\n";
    const BalanceRecord one = balance(config, {}, 1);
    EXPECT_TRUE(same(one, balance(config, {}, 3))) << stream;
    EXPECT_TRUE(same(one, balance(config, {}, 7))) << stream;
    EXPECT_EQ(one.courses.size(), 11u);
  }
}

TEST(BalanceLoop, AControllerIsAloneWithItsState) {
  const std::string both =
      kSmall + "balance: {steps: 10, controllers: [{kind: smebu}, {kind: quantile_balancing}]}\n";
  const std::string alone = kSmall + "balance: {steps: 10, controller: {kind: quantile_balancing}}\n";
  const BalanceRecord a = balance(both);
  const BalanceRecord b = balance(alone);
  EXPECT_EQ(a.courses[2].last.bias, b.courses[1].last.bias);
  EXPECT_EQ(a.courses[0].steps[9].max_violation, b.courses[0].steps[9].max_violation);
}

TEST(BalanceLoop, ADriftOfZeroRestsAndAFastOneOutrunsASmallStep) {
  const std::string config =
      kReference.substr(0, kReference.find("balance:")) +
      "balance: {steps: 200, stream: {kind: drifting}, controllers: [{kind: loss_free_sign, "
      "rate: 0.001}, {kind: quantile_balancing}]}\n";
  const BalanceRecord resting = balance(config, {"balance.stream.rate=0", "balance.steps=5"});
  const BalanceRecord stationary = balance(config, {"balance.stream={kind: stationary}", "balance.steps=5"});
  EXPECT_TRUE(same(resting, stationary));
  const auto fast = summaries(balance(config, {"balance.stream.rate=0.05"}));
  EXPECT_GT(fast.at("loss_free_sign rate=0.001").last_50.max_violation, 1.0);
  EXPECT_LT(fast.at("quantile_balancing").last_50.max_violation, 0.5);
}

TEST(BalanceLoop, RecordedLogitsGiveTheCourseTheyWereRecordedFrom) {
  const TempFolder folder;
  const std::string controllers = "controllers: [{kind: id_balancing}, {kind: quantile_balancing}]}\n";
  const std::string path =
      folder.write("c.yaml", kSmall + "balance: {steps: 6, stream: {kind: drifting}, " + controllers);
  const Experiment recorded = load_experiment(path, {}, {.purpose = Purpose::closed_loop});
  const Context context({.threads = 2});
  const FillLogits fill = recorded.balance->stream.stream->open();
  Matrix logits(600, 8);
  for (Index step = 0; step < 6; ++step) {
    fill(step, {.logits = logits.view().block(step * 100, 100), .noise_deviation = {}}, context);
  }
  write_npy(folder.file("logits.npy"), logits.view());
  const Experiment replayed = load_experiment(path,
                                              {"balance={stream: {kind: replayed, file: logits.npy}, " +
                                               controllers.substr(0, controllers.size() - 1)},
                                              {.purpose = Purpose::closed_loop});
  EXPECT_EQ(replayed.balance->steps, 6);
  EXPECT_TRUE(same(run_balance(recorded, {}), run_balance(replayed, {})));
}

// The gate makes the deviation of learned noise, in a loop as in a run.
TEST(BalanceLoop, WithoutAControllerTheWorkloadRoutesAsInARun) {
  const TempFolder folder;
  for (const char* noise : {"none", "gaussian", "gaussian_learned"}) {
    const std::string path = folder.write(
        "c.yaml", kSmall + "execute: false\nbaselines: ~\nbalance: {controller: {kind: loss_free_sign}}\n");
    const std::string with_noise = std::string("router.noise=") + noise;
    const BalanceRecord loop = run_balance(
        load_experiment(path, {with_noise, "balance.steps=3"}, {.purpose = Purpose::closed_loop}), {});
    const Experiment run = load_experiment(path, {with_noise, "balance=none", "workload.steps=3"});
    Index steps = 0;
    run_experiment(run, {.measure = false, .on_layer = [&](Index step, const LayerEvent& event) {
                           Counts loads(8);
                           for (const std::int32_t expert : event.assignments.expert) {
                             ++loads[static_cast<std::size_t>(expert)];
                           }
                           EXPECT_EQ(loop.courses[0].steps[static_cast<std::size_t>(step)].max_violation,
                                     load_stats(loads).max_violation)
                               << noise << " step " << step;
                           ++steps;
                         }});
    EXPECT_EQ(steps, 3) << noise;
  }
}

TEST(BalanceLoop, ThresholdsGiveATokenItsExpertsOnAverage) {
  const BalanceRecord record =
      balance(kReference, {"balance={stream: {kind: stationary}, controller: {kind: expert_threshold}}"});
  const BalanceSummary summary = summarise_course(record.courses[1].steps);
  EXPECT_NEAR(summary.last_50.experts_per_token, 2.0, 0.02);
  EXPECT_LT(summary.last_50.max_violation, 0.3);
  EXPECT_EQ(record.courses[1].steps[0].max_violation, record.courses[0].steps[0].max_violation);
}

TEST(BalanceLoop, LongcatHoldsTheRealExpertsOfATokenAtItsTarget) {
  const BalanceRecord record =
      balance(kReference,
              {"router.score_func=softmax", "router.top_k=4", "layer.num_experts=10", "layer.zero_experts=6",
               "balance={stream: {kind: stationary}, steps: 600, controller: {kind: longcat, "
               "rate: 0.2, real_per_token: 3}}"});
  const BalanceSummary summary = summarise_course(record.courses[1].steps);
  EXPECT_NEAR(summary.last_50.real_experts_per_token, 3.0, 0.02);
  EXPECT_EQ(summary.last_50.experts_per_token, 4.0);
  EXPECT_LT(summary.last_50.max_violation, 0.2);
  const std::vector<double>& bias = record.courses[1].last.bias;
  EXPECT_EQ(std::vector<double>(bias.begin() + 10, bias.end()), std::vector<double>(6, 0.0));
}

TEST(BalanceLoop, TheBiasIsAddedToWhatTheRouterSays) {
  const std::vector<std::string> on_logit = {"router.expert_bias_on=logit"};
  const std::string config =
      kReference.substr(0, kReference.find("balance:")) +
      "balance: {steps: 60, stream: {kind: stationary}, controllers: [{kind: quantile_balancing}]}\n";
  const BalanceRecord logits = balance(config, on_logit);
  const BalanceRecord scores = balance(config);
  EXPECT_EQ(logits.bias_unit, BiasUnit::logit);
  EXPECT_EQ(scores.bias_unit, BiasUnit::score);
  EXPECT_LT(summarise_course(logits.courses[1].steps).last_50.max_violation, 0.3);
  EXPECT_LT(summarise_course(scores.courses[1].steps).last_50.max_violation, 0.3);
  const auto widest = [](const BalanceRecord& record) {
    double most = 0;
    for (const double b : record.courses[1].last.bias) {
      most = std::max(most, std::abs(b));
    }
    return most;
  };
  EXPECT_GT(widest(logits), 1.0);
  EXPECT_LT(widest(scores), 1.0);
}

TEST(BalanceLoop, ScoreIsGivenUpForBalanceAndNeverMoreThanThereIs) {
  for (const BalanceCourse& course : balance(kReference, {"balance.steps=40"}).courses) {
    for (const BalanceStep& step : course.steps) {
      EXPECT_GT(step.gate_mass, 0.0);
      EXPECT_LT(step.gate_mass, 2.0);
      EXPECT_EQ(step.experts_per_token, 2.0);
    }
  }
  const BalanceRecord record = balance(kReference, {"balance.steps=40"});
  for (std::size_t s = 0; s < 40; ++s) {
    for (std::size_t c = 1; c < record.courses.size(); ++c) {
      EXPECT_LE(record.courses[c].steps[s].gate_mass, record.courses[0].steps[s].gate_mass + 1e-9);
    }
  }
}

TEST(BalanceLoop, SummariesSayWhichWindowsHaveNoStep) {
  std::vector<BalanceStep> steps;
  for (int i = 0; i < 4; ++i) {
    steps.push_back({.max_violation = 4.0 - i});
  }
  BalanceSummary summary = summarise_course(steps);
  EXPECT_EQ(summary.first, 4.0);
  EXPECT_EQ(summary.steps_1_5, 2.0);
  EXPECT_TRUE(std::isnan(summary.steps_45_55));
  EXPECT_EQ(summary.last_50.max_violation, 2.5);
  EXPECT_FALSE(summary.first_below_half.has_value());
  for (int i = 0; i < 60; ++i) {
    steps.push_back({.max_violation = 0.25});
  }
  summary = summarise_course(steps);
  EXPECT_EQ(summary.steps_45_55, 0.25);
  EXPECT_EQ(summary.last_50.max_violation, 0.25);
  EXPECT_EQ(summary.first_below_half, 4);
}

TEST(BalanceLoop, StopsBetweenSteps) {
  const TempFolder folder;
  const Experiment experiment =
      load_experiment(folder.write("c.yaml", kSmall + "balance: {controller: {kind: smebu}}\n"), {},
                      {.purpose = Purpose::closed_loop});
  int asked = 0;
  const BalanceRecord record = run_balance(experiment, {.stop_requested = [&] { return ++asked == 3; }});
  EXPECT_TRUE(record.interrupted);
  EXPECT_EQ(record.courses[1].steps.size(), 3u);
}

TEST(BalanceLoop, RefusesWhatTheMachineCannotHold) {
  const TempFolder folder;
  const Experiment experiment =
      load_experiment(folder.write("c.yaml", kSmall + "balance: {controller: {kind: smebu}}\n"),
                      {"layer.num_experts=1000000000000"}, {.purpose = Purpose::closed_loop});
  try {
    run_balance(experiment, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::out_of_memory);
    EXPECT_NE(std::string(error.what()).find("the closed loop needs "), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace moesim
