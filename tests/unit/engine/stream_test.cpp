// Routing long streams: several steps at a time, the same record, bounded memory.

#include <gtest/gtest.h>

#include "config/diagnostics.h"
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

TEST(Stream, CuttingItOtherwiseChangesNothing) {
  const RunRecord few = record(load({"workload.steps=40", "workload.tokens=300"}), {.threads = 2});
  const RunRecord many = record(load({"workload.steps=120", "workload.tokens=100"}), {.threads = 2});
  EXPECT_EQ(few.routing_hash, many.routing_hash);
  EXPECT_EQ(few.layers[0].counts.routed_per_expert, many.layers[0].counts.routed_per_expert);
}

// A step's logits are 256 KiB here: kept, the longer run's would be 250 MiB.
TEST(Stream, TenTimesTheStepsTakeNoMoreMemory) {
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
    record(load({"workload.tokens=100"}), options);
    FAIL() << "went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
    EXPECT_EQ(std::string(error.what()), "stopped after 9 of 1000 recorded steps; nothing was measured");
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

}  // namespace
}  // namespace moesim
