// Routing long streams: several steps at a time, the same record, bounded memory.

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "config/diagnostics.h"
#include "core/build_info.h"
#include "core/error.h"
#include "engine/run.h"

namespace moesim {
namespace {

Experiment load(std::vector<std::string> overrides) {
  return load_experiment("workload_synthetic_logits", overrides);
}

RunRecord record(const Experiment& experiment, RunOptions options) {
  options.measure = false;
  return run_experiment(experiment, options);
}

TEST(Stream, TheRecordIsThatOfOneStepAfterTheOther) {
  for (const std::string capacity : {"capacity=none", "capacity.factor=1.0"}) {
    const Experiment experiment = load({"workload.steps=40", "workload.tokens=200", capacity});
    RunOptions watched{.threads = 1};
    Index layers_seen = 0;
    watched.on_layer = [&layers_seen](Index, const LayerEvent&) { ++layers_seen; };
    const RunRecord one = record(experiment, watched);
    EXPECT_EQ(layers_seen, 40);
    for (const int threads : {1, 2, 3}) {
      const RunRecord streamed = record(experiment, {.threads = threads, .task_delay_seed = 9});
      EXPECT_EQ(streamed.routing_hash, one.routing_hash);
      ASSERT_EQ(streamed.layers.size(), 1U);
      EXPECT_EQ(streamed.layers[0].counts.routed_per_expert, one.layers[0].counts.routed_per_expert);
      EXPECT_EQ(streamed.layers[0].counts.tokens_per_expert, one.layers[0].counts.tokens_per_expert);
      EXPECT_EQ(streamed.layers[0].counts.tokens, 8000U);
      EXPECT_EQ(streamed.layers[0].mean_step_max_violation, one.layers[0].mean_step_max_violation);
      ASSERT_EQ(streamed.step_rows.size(), 40U);
      for (std::size_t i = 0; i < 40; ++i) {
        EXPECT_EQ(streamed.step_rows[i].step, static_cast<Index>(i));
        EXPECT_EQ(streamed.step_rows[i].max_violation, one.step_rows[i].max_violation);
      }
    }
  }
}

// The chance that expert e is among the k first of draws without replacement: with a clock for each expert
// that rings after an exponential time of rate p_e, it is the chance that e rings among the first k. Given
// e's time t, the others' rings before it are independent; their number is summed up one by one, and t by
// the trapezoid rule in x = exp(−p_e·t).
std::vector<double> chances_of_best(const std::vector<double>& popularity, std::size_t k) {
  constexpr int kPoints = 4000;
  std::vector<double> chances;
  for (std::size_t e = 0; e < popularity.size(); ++e) {
    double sum = 0;
    for (int i = 1; i < kPoints; ++i) {
      const double time = -std::log(static_cast<double>(i) / kPoints) / popularity[e];
      std::vector<double> rung(k);  // the chance that j others have
      rung[0] = 1;
      for (std::size_t other = 0; other < popularity.size(); ++other) {
        const double p = other == e ? 0 : 1 - std::exp(-popularity[other] * time);
        for (std::size_t j = k - 1; j > 0; --j) {
          rung[j] = rung[j] * (1 - p) + rung[j - 1] * p;
        }
        rung[0] *= 1 - p;
      }
      sum += std::accumulate(rung.begin(), rung.end(), 0.0) / kPoints;
    }
    chances.push_back(sum + 0.5 / kPoints);  // at t = 0 e is the first
  }
  return chances;
}

TEST(Stream, LoadsAreThoseExpected) {
  constexpr std::size_t kTopK = 4;
  const RunRecord run = record(load({"layer.num_experts=16", "router={preset: olmoe, top_k: 4}",
                                     "workload.zipf=1", "workload.tokens=1000", "workload.steps=200"}),
                               {.threads = 2});
  std::vector<double> popularity;
  for (int e = 0; e < 16; ++e) {
    popularity.push_back(1.0 / (e + 1));
  }
  const std::vector<double> chances = chances_of_best(popularity, kTopK);
  EXPECT_NEAR(std::accumulate(chances.begin(), chances.end(), 0.0), 4.0, 1e-3);
  for (std::size_t e = 0; e < 16; ++e) {
    const double tokens = 200000;
    const double deviation = std::sqrt(tokens * chances[e] * (1 - chances[e]));
    EXPECT_NEAR(static_cast<double>(run.layers[0].counts.routed_per_expert[e]), tokens * chances[e],
                4.5 * deviation)
        << "expert " << e;
  }
}

TEST(Stream, CuttingItOtherwiseChangesNothing) {
  const RunRecord few = record(load({"workload.steps=40", "workload.tokens=300"}), {.threads = 2});
  const RunRecord many = record(load({"workload.steps=120", "workload.tokens=100"}), {.threads = 2});
  EXPECT_EQ(few.routing_hash, many.routing_hash);
  EXPECT_EQ(few.layers[0].counts.routed_per_expert, many.layers[0].counts.routed_per_expert);
}

// A step's logits are 256 KiB here: kept, the longer run's would be 250 MiB.
TEST(Stream, TenTimesTheStepsTakeNoMoreMemory) {
  if (!build_info().sanitizers.empty()) {
    GTEST_SKIP() << "sanitizers keep memory of their own";
  }
  const auto peak_after = [](const std::string& steps) {
    record(load({"workload.tokens=1024", "workload.steps=" + steps}), {.threads = 2, .detail = true});
    return peak_rss_bytes();
  };
  const std::uint64_t peak = peak_after("100");
  EXPECT_LT(peak_after("1000"), peak + (std::uint64_t{8} << 20));
}

TEST(Stream, StopsBetweenSteps) {
  int asked = 0;
  RunOptions options{.threads = 2};
  options.stop_requested = [&asked] { return ++asked == 5; };
  try {
    record(load({"workload.tokens=100", "workload.steps=1000"}), options);
    FAIL() << "went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
    EXPECT_EQ(std::string(error.what()), "stopped after 5 of 1000 recorded steps; nothing was measured");
  }
}

TEST(Stream, IsTimedToo) {
  const RunRecord timed =
      run_experiment(load({"workload.tokens=100", "workload.steps=3", "measure.budget_s=0.1"}),
                     {.threads = 1, .detail = true});
  ASSERT_FALSE(timed.variants.empty());
  EXPECT_GT(timed.variants[0].tokens_per_s.median, 0.0);
  EXPECT_GT(timed.record_seconds, 0.0);
  EXPECT_FALSE(timed.has_gate);
}

// Refused where something needs more than logits: the key, and what would help.
TEST(Stream, NeedsARouterOfLogitsAlone) {
  const auto refused = [](std::vector<std::string> overrides, const std::string& words) {
    try {
      load(std::move(overrides));
      ADD_FAILURE() << "accepted; expected " << words;
    } catch (const ConfigError& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  };
  refused({"execute=true", "layer.d_ff=8"}, "experts have nothing to multiply; expected execute: false");
  refused({"layer.num_layers=2"}, "a second layer has nothing to look at; expected layer.num_layers 1");
  refused({"router={kind: random, top_k: 2}"}, "this router looks at no logits; expected a router that does");
  refused({"router={kind: token_choice, noise: gaussian_learned}"},
          "this router needs more than one logit for each expert");
}

TEST(Stream, RefusesWhatIsNoStream) {
  const auto complaint = [](std::vector<std::string> overrides) -> std::string {
    try {
      load(std::move(overrides));
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "accepted";
  };
  const auto names = [&](std::vector<std::string> overrides, const std::string& key) {
    const std::string text = complaint(std::move(overrides));
    EXPECT_NE(text.find(key), std::string::npos) << text;
    EXPECT_NE(text.find("expected"), std::string::npos) << text;
  };
  names({"layer.num_experts=0"}, "layer.num_experts");
  names({"workload.zipf=-0.5"}, "workload.zipf");
  names({"workload.zipf=.nan"}, "workload.zipf");
  names({"workload.tokens=16777217"}, "workload.tokens");
  names({"workload.steps=1000000001"}, "workload.steps");
  EXPECT_EQ(complaint({"workload.tokens=16777216", "workload.steps=1000000000"}), "accepted");  // below 2^63
}

}  // namespace
}  // namespace moesim
