// A soft router through the whole engine: the step against double loops, and what a run records of it.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/run.h"
#include "router/gate.h"
#include "support/reference.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

constexpr const char* kConfig = R"(
name: soft
layer: {d_model: 24, d_ff: 20, num_experts: 3, num_shared_experts: 1}
workload: {kind: text, files: [text/english.txt, text/korean.txt], tokens: 90, steps: 2}
router: {kind: soft, slots_per_expert: 2}
baselines: [dense_same_active]
)";

Experiment experiment_of(const std::vector<std::string>& overrides = {}) {
  static const TempFolder folder;
  return load_experiment(folder.write("soft.yaml", kConfig), overrides);
}

using Rows = std::vector<std::vector<double>>;

Rows rows_of(MatrixView m) {
  Rows rows;
  for (Index r = 0; r < m.rows; ++r) {
    rows.emplace_back(m.row(r).begin(), m.row(r).end());
  }
  return rows;
}

std::vector<double> normed(const std::vector<double>& x) {
  double squares = 0;
  for (const double v : x) {
    squares += v * v / static_cast<double>(x.size());
  }
  std::vector<double> out;
  for (const double v : x) {
    out.push_back(v / std::sqrt(squares + 1e-6));
  }
  return out;
}

// x + shared(norm x) + Σ_s combine[t,s]·expert(Σ_t' dispatch[t',s]·norm x').
Rows soft_layer(const Experiment& experiment, const MoeLayer& layer, const Rows& x) {
  const Activation activation = experiment.shape.activation;
  const FfnWeights shared_expert = make_ffn_weights(
      shared_bank_options({experiment.seed, 0, experiment.shape, *experiment.executor.executor}), 0);
  Rows n;
  Rows e;  // exp of logits [T][S]
  const Index slots = layer.gate.weight.rows();
  for (const std::vector<double>& row : x) {
    n.push_back(normed(row));
    e.emplace_back();
    for (Index s = 0; s < slots; ++s) {
      double logit = 0;
      for (std::size_t d = 0; d < row.size(); ++d) {
        logit += n.back()[d] * layer.gate.weight.row(s)[d];
      }
      e.back().push_back(std::exp(logit));
    }
  }
  Rows y = x;
  for (std::size_t t = 0; t < x.size(); ++t) {
    const std::vector<float> own(n[t].begin(), n[t].end());
    const std::vector<double> shared = reference::expert_row(shared_expert, activation, own);
    for (std::size_t d = 0; d < own.size(); ++d) {
      y[t][d] += shared[d];
    }
  }
  for (Index s = 0; s < slots; ++s) {
    const auto slot = static_cast<std::size_t>(s);
    double over_tokens = 0;
    for (const std::vector<double>& row : e) {
      over_tokens += row[slot];
    }
    std::vector<float> in(x[0].size(), 0.0F);
    for (std::size_t d = 0; d < in.size(); ++d) {
      double sum = 0;
      for (std::size_t t = 0; t < x.size(); ++t) {
        sum += e[t][slot] / over_tokens * n[t][d];
      }
      in[d] = static_cast<float>(sum);
    }
    const Index expert = s / (slots / layer.experts.num_experts());
    const std::vector<double> out =
        reference::expert_row(make_ffn_weights(pool_options(experiment, 0), expert), activation, in);
    for (std::size_t t = 0; t < x.size(); ++t) {
      double over_slots = 0;
      for (const double value : e[t]) {
        over_slots += value;
      }
      for (std::size_t d = 0; d < in.size(); ++d) {
        y[t][d] += e[t][slot] / over_slots * out[d];
      }
    }
  }
  return y;
}

TEST(SoftRouter, AStepEqualsDoubleLoops) {
  for (const char* experts : {"layer.num_shared_experts=1", "layer.num_shared_experts=2"}) {
    const Experiment experiment = experiment_of({experts});
    const Context context({.threads = 2});
    const MoeStack stack = make_moe_stack(experiment, context);
    ASSERT_EQ(stack.layers[0].gate.weight.rows(), 6);
    Workspace workspace;
    const TokenBatch batch = experiment.workload->batch(context, 0);
    load_batch(batch, workspace);
    run_moe_step({experiment, stack, context}, batch, workspace);
    const Rows expected = soft_layer(experiment, stack.layers[0], rows_of(batch.hidden.view()));
    for (Index t = 0; t < batch.num_tokens(); ++t) {
      ASSERT_LT(reference::relative_distance(workspace.x.row(t), expected[static_cast<std::size_t>(t)]),
                2e-5);
    }
  }
}

RunRecord record_of(const Experiment& experiment, RunOptions options = {}) {
  options.measure = false;
  return run_experiment(experiment, options);
}

TEST(SoftRouter, ARunCountsSlotsAndDropsNothing) {
  const RunRecord record = record_of(experiment_of(), {.show_tokens = 4, .detail = true});
  EXPECT_EQ(record.slots, 6);
  EXPECT_EQ(record.layers[0].counts.routed_per_expert, (Counts{4, 4, 4}));  // two steps of two slots
  EXPECT_EQ(record.layers[0].counts.tokens_per_expert, (Counts{4, 4, 4}));
  EXPECT_EQ(record.layers[0].counts.dropped(), 0u);
  EXPECT_EQ(record.layers[0].counts.tokens_without_expert, 0u);
  EXPECT_EQ(record.mean_routed.max_violation, 0);
  EXPECT_FALSE(record.noise_floor.has_value());
  EXPECT_NEAR(record.mean_kept_experts, 6.0 / 90, 1e-12);
  // gate 6·24, shared 1440, 6/90 of an expert's 1440; the mixtures 4·6·24.
  EXPECT_NEAR(record.realised.active_params, 144 + 1440 + 96, 1e-9);
  EXPECT_NEAR(record.realised.flops_per_token, 2 * (144 + 1440 + 96) + 576, 1e-9);
  EXPECT_EQ(record.nominal.flops_per_token, record.realised.flops_per_token);
  ASSERT_EQ(record.shown_tokens.size(), 4u);
  for (const ShownToken& token : record.shown_tokens) {
    ASSERT_EQ(token.assignments.size(), 3u);
    EXPECT_NEAR(token.assignments[0].weight + token.assignments[1].weight + token.assignments[2].weight, 1,
                1e-5);
    EXPECT_GE(token.assignments[0].weight, token.assignments[1].weight);
    EXPECT_GE(token.assignments[1].weight, token.assignments[2].weight);
    EXPECT_TRUE(token.assignments[0].kept);
  }
  std::uint64_t weights = 0;
  for (const std::uint64_t count : record.detail.histograms[0].bins) {
    weights += count;
  }
  EXPECT_EQ(weights, 2u * 90 * 6);
}

TEST(SoftRouter, LooksOnSeeTheMixAndNoChoices) {
  int events = 0;
  RunOptions options;
  options.on_layer = [&](Index, const LayerEvent& event) {
    ++events;
    ASSERT_NE(event.mix, nullptr);
    EXPECT_EQ(event.mix->combine.cols(), 6);
    EXPECT_EQ(event.logits.cols, 6);
    EXPECT_EQ(event.assignments.size(), 0);
    EXPECT_EQ(event.assignments.num_tokens(), 90);
    EXPECT_EQ(event.plan.num_rows(), 0);
  };
  record_of(experiment_of(), options);
  EXPECT_EQ(events, 2);
}

TEST(SoftRouter, SameBitsForAnyNumberOfThreadsAndAnySchedule) {
  const Experiment experiment = experiment_of({"workload.tokens=300", "layer.num_layers=2"});
  const RunRecord one = record_of(experiment, {.threads = 1});
  for (const int threads : {1, 2, 7}) {
    for (const std::uint64_t delay : {1, 2}) {
      const RunRecord many = record_of(experiment, {.threads = threads, .task_delay_seed = delay});
      EXPECT_EQ(many.routing_hash, one.routing_hash) << threads;
      EXPECT_EQ(many.output_hash, one.output_hash) << threads;
    }
  }
  EXPECT_NE(record_of(experiment_of({"seed=9"})).routing_hash, record_of(experiment_of()).routing_hash);
}

TEST(SoftRouter, NoTokensAreAnOrdinaryInput) {
  EXPECT_EQ(record_of(experiment_of({"workload={kind: gaussian_clusters, tokens: 0}"})).slots, 6);
}

TEST(SoftRouter, ItsTimedRunComparesADenseLayerOfTheSameWork) {
  RunOptions options;
  options.budget_s = 0.0;
  const RunRecord record = run_experiment(experiment_of({"measure.min_samples=1"}), options);
  const VariantResult* dense = record.find_variant("dense_same_active");
  ASSERT_NE(dense, nullptr);
  EXPECT_EQ(dense->width, 21);  // 6/90 of an expert of 20 units, and the shared one
}

}  // namespace
}  // namespace moesim
