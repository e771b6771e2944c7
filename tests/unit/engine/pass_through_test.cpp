// BASE layers through the whole engine: y = α·E(x) + (1 − α)·x, where x is the row that the expert gets.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/step.h"
#include "support/reference.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

TEST(PassThrough, AStepOfABaseLayerEqualsDoubleLoops) {
  const TempFolder folder;
  const Experiment experiment =
      load_experiment(folder.write("base.yaml",
                                   "layer: {d_model: 24, d_ff: 20, num_experts: 4}\n"
                                   "workload: {kind: gaussian_clusters, tokens: 80}\n"
                                   "router: {kind: base_assignment}\n"),
                      {});
  const Context context({.threads = 2});
  const MoeStack stack = make_moe_stack(experiment, context);
  const TokenBatch batch = experiment.workload->batch(context, 0);
  Workspace workspace;
  load_batch(batch, workspace);
  Assignments assignments;
  run_moe_step({experiment, stack, context}, batch, workspace, [&](const LayerEvent& event) {
    EXPECT_EQ(event.mix, nullptr);
    EXPECT_EQ(event.plan.pass_through, event.assignments.pass_through);
    assignments = event.assignments;
  });
  ASSERT_EQ(assignments.pass_through.size(), 80u);
  for (Index t = 0; t < 80; ++t) {
    const auto i = static_cast<std::size_t>(t);
    const std::span<const float> x = batch.hidden.row(t);
    double squares = 0;
    for (const float v : x) {
      squares += static_cast<double>(v) * v / 24;
    }
    std::vector<float> normed;
    for (const float v : x) {
      normed.push_back(static_cast<float>(v / std::sqrt(squares + 1e-6)));
    }
    const std::vector<double> expert =
        reference::expert_row(make_ffn_weights(pool_options(experiment, 0), assignments.expert[i]),
                              experiment.shape.activation, normed);
    std::vector<double> expected;
    for (std::size_t d = 0; d < x.size(); ++d) {
      expected.push_back(x[d] + assignments.weight[i] * expert[d] +
                         (1.0 - assignments.weight[i]) * normed[d]);
    }
    ASSERT_LT(reference::relative_distance(workspace.x.row(t), expected), 1e-5) << t;
  }
}

}  // namespace
}  // namespace moesim
