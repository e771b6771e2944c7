// The promise of docs/design.md, "Same bits", on whole runs.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "engine/run.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

constexpr const char* kConfig = R"(
name: bits
seed: 3
layer: {num_layers: 2, d_model: 48, d_ff: 40, num_experts: 6, num_shared_experts: 1}
workload: {kind: text, files: [text/english.txt, text/korean.txt], tokens: 150, steps: 4, chunk_tokens: 32}
router: {preset: mixtral}
capacity: {factor: 1.0, drop: position_k_major}
baselines: []
)";

struct Hashes {
  std::string routing, output;
  bool operator==(const Hashes& other) const { return routing == other.routing && output == other.output; }
};

Hashes hashes(const std::vector<std::string>& overrides, const RunOptions& options) {
  const TempFolder folder;
  const Experiment experiment = load_experiment(folder.write("bits.yaml", kConfig), overrides);
  RunOptions recorded = options;
  recorded.measure = false;
  const RunRecord record = run_experiment(experiment, recorded);
  return {record.routing_hash, record.output_hash};
}

// All n workers of an arena meet, so that a run that follows really has them.
void expect_workers_to_meet(int threads) {
  const Context context({.threads = threads});
  std::atomic<int> arrived = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  context.for_each_block(threads, [&](Index) {
    ++arrived;
    while (arrived < threads && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
  });
  EXPECT_EQ(arrived, threads);
}

TEST(SameBits, ForAnyNumberOfThreadsAndAnySchedule) {
  const Hashes reference = hashes({}, {.threads = 1});
  EXPECT_EQ(reference.routing.size(), 16u);
  EXPECT_EQ(reference.output.size(), 16u);
  for (const int threads : {1, 2, 4, 7}) {
    expect_workers_to_meet(threads);
    for (const std::uint64_t delay : {1, 2, 3}) {
      EXPECT_EQ(hashes({}, {.threads = threads, .task_delay_seed = delay}), reference)
          << threads << " threads";
    }
  }
}

TEST(SameBits, TheThreadsOfTheMatrixReallyTakePart) {
  const TempFolder folder;
  const Experiment experiment = load_experiment(folder.write("bits.yaml", kConfig), {});
  for (const int threads : {2, 4, 7}) {
    const Context context({.threads = threads, .task_delay_seed = 5});
    int most = 0;
    for (int repetition = 0; repetition < 20; ++repetition) {
      context.reset_participants();
      context.for_each_block(64, [](Index) { std::this_thread::sleep_for(std::chrono::microseconds(100)); });
      most = std::max(most, context.participants());
    }
    EXPECT_GE(most, std::min(threads, 3));
  }
}

TEST(SameBits, ForAnySplitOfTheStreamWhereNothingIsDropped) {
  for (const std::string router : {"{preset: mixtral}", "{preset: switch}", "{preset: olmoe, top_k: 3}",
                                   "{kind: hash}", "{kind: random, top_k: 2}"}) {
    const auto split = [&](const std::string& tokens, const std::string& steps) {
      return hashes(
          {"router=" + router, "capacity=none", "workload.tokens=" + tokens, "workload.steps=" + steps},
          {.threads = 2});
    };
    const Hashes whole = split("600", "1");
    EXPECT_EQ(split("300", "2"), whole) << router;
    EXPECT_EQ(split("100", "6"), whole) << router;
    EXPECT_EQ(split("1", "600"), whole) << router;
  }
}

// A layer with every part: experts without a product, gated or mixed shared experts, latent maps.
std::vector<std::string> structures(const std::string& kind) {
  return {
      "layer={num_layers: 2, d_model: 48, d_ff: 40, num_experts: 5, zero_experts: 1, copy_experts: 1, "
      "constant_experts: 2, num_shared_experts: 1, shared_kind: " +
          kind + ", latent_width: 20, latent_norm: true}",
      "router={preset: olmoe, top_k: 3}", "capacity=none"};
}

TEST(SameBits, OfEveryStructureForAnyNumberOfThreadsAndAnySplit) {
  for (const std::string kind : {"plain", "gated", "residual_mix"}) {
    const Hashes reference = hashes(structures(kind), {.threads = 1});
    for (const int threads : {2, 4, 7}) {
      EXPECT_EQ(hashes(structures(kind), {.threads = threads, .task_delay_seed = 9}), reference) << kind;
    }
    for (const auto& [tokens, steps] : {std::pair{"600", "1"}, {"100", "6"}, {"1", "600"}}) {
      std::vector<std::string> split = structures(kind);
      split.push_back(std::string("workload.tokens=") + tokens);
      split.push_back(std::string("workload.steps=") + steps);
      EXPECT_EQ(hashes(split, {.threads = 2}), reference) << kind << " " << tokens;
    }
    std::vector<std::string> checked = structures(kind);
    checked.push_back("executor={kind: check}");
    EXPECT_EQ(hashes(checked, {.threads = 2}), reference) << kind;
  }
}

TEST(SameBits, AnotherSeedOrConfigChangesThem) {
  const Hashes reference = hashes({}, {.threads = 2});
  EXPECT_FALSE(hashes({"seed=4"}, {.threads = 2}).routing == reference.routing);
  EXPECT_FALSE(hashes({"capacity=none"}, {.threads = 2}).routing == reference.routing);
  const Hashes wider = hashes({"layer.d_ff=48", "layer.num_layers=1"}, {.threads = 2});
  EXPECT_FALSE(wider.output == reference.output);
}

TEST(SameBits, TheCheckExecutorAgreesOnAWholeRun) {
  EXPECT_EQ(hashes({"executor={kind: check}"}, {.threads = 2}), hashes({}, {.threads = 2}));
}

}  // namespace
}  // namespace moesim
