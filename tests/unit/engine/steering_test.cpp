// A run's controller: what a step shows acts from the next step on, layer by layer, and the timed part has
// the last state.

#include "engine/steering.h"

#include <gtest/gtest.h>

#include "engine/estimate.h"
#include "engine/recorded_steps.h"
#include "metrics/flatten.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

const std::string kConfig =
    "layer: {num_layers: 2, d_model: 16, d_ff: 8, num_experts: 8}\n"
    "workload: {kind: gaussian_clusters, tokens: 128, steps: 20}\n"
    "router: {kind: token_choice, score_func: sigmoid, top_k: 2}\n"
    "baselines: []\n";

Experiment load(const std::string& balance, const std::vector<std::string>& overrides = {}) {
  const TempFolder folder;
  return load_experiment(folder.write("c.yaml", kConfig + balance + "\n"), overrides);
}

RunRecord record_of(const Experiment& experiment, int threads = 2) {
  return run_experiment(experiment, {.threads = threads, .measure = false});
}

TEST(Steering, MovesEachLayersBiasByItsOwnLoadsBeforeDrops) {
  const Experiment experiment =
      load("balance: {controller: {kind: loss_free_sign, rate: 0.25}}\ncapacity: {factor: 1}");
  std::vector<std::vector<float>> worked_out(2, std::vector<float>(8, 0.0F));
  RunOptions options{.threads = 2};
  options.on_layer = [&](Index, const LayerEvent& event) {
    std::vector<int> loads(8);
    for (const std::int32_t expert : event.assignments.expert) {
      ++loads[static_cast<std::size_t>(expert)];
    }
    const auto layer = static_cast<std::size_t>(event.layer);
    for (std::size_t e = 0; e < 8; ++e) {
      worked_out[layer][e] += loads[e] < 32 ? 0.25F : loads[e] > 32 ? -0.25F : 0.0F;
    }
  };
  RunState state(experiment, options, read_machine());
  state.stack = make_moe_stack(experiment, state.context);
  record_run(state);
  for (std::size_t layer = 0; layer < 2; ++layer) {
    EXPECT_EQ(state.stack.layers[layer].state.expert_bias, worked_out[layer]);
  }
  EXPECT_NE(worked_out[0], worked_out[1]);
}

TEST(Steering, BalancesTheLaterSteps) {
  for (const std::string kind :
       {"loss_free_prop, rate: 0.05", "id_balancing, integral: 0.05", "quantile_balancing",
        "loss_free_mul, rate: 0.05", "loss_free_sign, rate: 0.02"}) {
    const RunRecord record = record_of(load("balance: {controller: {kind: " + kind + "}}"));
    ASSERT_TRUE(record.steering.has_value());
    EXPECT_LT(record.steering->last_max_violation, 0.8 * record.steering->first_max_violation) << kind;
    EXPECT_EQ(record.steering->first_max_violation, record.step_rows.front().max_violation) << kind;
    EXPECT_EQ(record.steering->last_max_violation, record.step_rows.back().max_violation) << kind;
    const FlatRow row = flatten(record);
    EXPECT_NE(find_value(row, "m.max_violation.last_step"), nullptr);
  }
  const RunRecord plain = record_of(load(""));
  EXPECT_FALSE(plain.steering.has_value());
  EXPECT_EQ(find_value(flatten(plain), "m.max_violation.last_step"), nullptr);
}

TEST(Steering, TheFirstStepIsThatOfTheRouterAlone) {
  const std::vector<std::string> one_step = {"workload.steps=1"};
  EXPECT_EQ(record_of(load("balance: {controller: {kind: quantile_balancing}}", one_step)).routing_hash,
            record_of(load("", one_step)).routing_hash);
  EXPECT_NE(record_of(load("balance: {controller: {kind: quantile_balancing}}")).routing_hash,
            record_of(load("")).routing_hash);
}

TEST(Steering, SameBitsForAnyNumberOfThreads) {
  for (const std::string kind : {"quantile_balancing", "smebu", "loss_free_mul"}) {
    const Experiment experiment = load("balance: {controller: {kind: " + kind + "}}");
    const std::string one = record_of(experiment, 1).routing_hash;
    EXPECT_EQ(record_of(experiment, 3).routing_hash, one) << kind;
    EXPECT_EQ(record_of(experiment, 7).routing_hash, one) << kind;
  }
}

TEST(Steering, StartsFromTheConfigsOwnBias) {
  const Experiment experiment = load("balance: {controller: {kind: loss_free_sign, rate: 0}}",
                                     {"router.expert_bias=[0.5, 0, 0, 0, 0, 0, 0, -0.5]"});
  const Experiment plain = load("", {"router.expert_bias=[0.5, 0, 0, 0, 0, 0, 0, -0.5]"});
  EXPECT_EQ(record_of(experiment).routing_hash, record_of(plain).routing_hash);
}

TEST(Steering, ItsScoresAreInTheForecast) {
  const auto items = estimate_memory(load("balance: {controller: {kind: quantile_balancing}}"), 2).items;
  EXPECT_TRUE(std::any_of(items.begin(), items.end(),
                          [](const MemoryItem& item) { return item.what == "scores for the controller"; }));
}

}  // namespace
}  // namespace moesim
