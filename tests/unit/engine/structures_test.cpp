// Experts without a product, shared experts and latent experts, on whole layers.

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"
#include "engine/estimate.h"
#include "engine/run.h"
#include "engine/step.h"
#include "oracle/structures.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

using testing::NaiveAssignment;
using testing::NaiveLayer;
using testing::NaiveLayerFfn;
using testing::Row;
using testing::Rows;

Row to_row(std::span<const float> row) {
  return {row.begin(), row.end()};
}

Rows to_rows(MatrixView matrix) {
  Rows rows;
  for (Index r = 0; r < matrix.rows; ++r) {
    rows.push_back(to_row(matrix.row(r)));
  }
  return rows;
}

std::string act_of(Activation activation) {
  switch (activation) {
    case Activation::swiglu:
    case Activation::silu:
      return "silu";
    case Activation::swiglu_oai:
      return "oai";
    case Activation::geglu:
    case Activation::gelu:
      return "gelu";
    case Activation::relu:
      return "relu";
  }
  return "";
}

NaiveLayerFfn to_ffn(const BankOptions& options, Index expert) {
  const FfnWeights weights = make_ffn_weights(options, expert);
  return {to_rows(weights.up.view()), to_rows(weights.gate_proj.view()), to_rows(weights.down.view()),
          act_of(options.activation), to_row(weights.up_bias),           to_row(weights.gate_bias),
          to_row(weights.output_bias)};
}

NaiveLayer to_naive(const Experiment& experiment, const MoeLayer& layer, std::uint32_t number) {
  const LayerShape& shape = experiment.shape;
  NaiveLayer naive;
  for (Index e = 0; e < shape.num_experts; ++e) {
    naive.ffn.push_back(to_ffn(pool_options(experiment, number), e));
  }
  naive.zero = static_cast<int>(shape.zero_experts);
  naive.copy = static_cast<int>(shape.copy_experts);
  for (Index c = 0; c < shape.constant_experts; ++c) {
    naive.constant.push_back({to_row(layer.experts.constant.row(c)),
                              to_row(layer.experts.constant_gate.row(2 * c)),
                              to_row(layer.experts.constant_gate.row(2 * c + 1))});
  }
  naive.latent_down = to_rows(layer.latent.down.view());
  naive.latent_up = to_rows(layer.latent.up.view());
  naive.latent_norm = shape.latent_norm;
  naive.has_shared = shape.has_shared();
  if (naive.has_shared) {
    naive.shared =
        to_ffn(shared_bank_options({experiment.seed, number, shape, *experiment.executor.executor}), 0);
    naive.shared_kind = std::string(enum_text(shape.shared_kind));
    naive.shared_gate = to_rows(layer.shared.gate.view());
    naive.shared_bias = to_row(layer.shared.gate_bias);
  }
  return naive;
}

std::vector<NaiveAssignment> kept_of(const Assignments& assignments, const DispatchPlan& plan, Index token) {
  std::vector<NaiveAssignment> kept;
  for (Index a = plan.token_begin[static_cast<std::size_t>(token)];
       a < plan.token_begin[static_cast<std::size_t>(token) + 1]; ++a) {
    const Index row = plan.assignment_row[static_cast<std::size_t>(a)];
    if (row >= 0) {
      kept.push_back(
          {assignments.expert[static_cast<std::size_t>(a)], plan.row_weight[static_cast<std::size_t>(row)]});
    }
  }
  return kept;
}

// Root mean square of the differences, over that of the row where it is above 1: what is added up has about
// unit size, also where the sum nearly cancels.
double distance_in_units(std::span<const float> a, const Row& b) {
  double distance = 0;
  double size = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    distance += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  return std::sqrt(distance / std::max(size, static_cast<double>(b.size())));
}

// A config with any of the parts, small enough to be computed by hand.
std::string draw_config(std::uint64_t number) {
  RandomSequence random({.seed = 77}, number);
  const auto pick = [&](std::uint32_t low, std::uint32_t high) {
    return low + random.next_below(high - low + 1);
  };
  const auto one_of = [&](const std::vector<std::string>& words) {
    return words[random.next_below(static_cast<std::uint32_t>(words.size()))];
  };
  const auto count = [](const std::string& key, std::uint32_t value) {
    return ", " + key + ": " + std::to_string(value);
  };
  const std::uint32_t ffn = pick(1, 5);
  const std::uint32_t zero = pick(0, 2);
  const std::uint32_t copy = pick(0, 2);
  const std::uint32_t constant = pick(0, 2);
  std::string layer = "num_experts: " + std::to_string(ffn) + count("zero_experts", zero) +
                      count("copy_experts", copy) + count("constant_experts", constant) +
                      count("d_model", pick(1, 24)) + count("d_ff", pick(1, 20)) +
                      ", activation: " + one_of({"swiglu", "geglu", "gelu", "relu", "silu", "swiglu_oai"}) +
                      ", ffn_bias: " + one_of({"true", "false"});
  const std::string shared = one_of({"none", "number", "width"});
  layer += shared == "number" ? count("num_shared_experts", pick(1, 2)) : "";
  layer += shared == "width" ? count("shared_width", pick(1, 30)) : "";
  layer += shared != "none" ? ", shared_kind: " + one_of({"plain", "gated", "residual_mix"}) : "";
  if (pick(0, 1) == 1) {
    layer += count("latent_width", pick(1, 12)) + ", latent_norm: " + one_of({"true", "false"});
  }
  const std::uint32_t top_k = pick(1, std::min<std::uint32_t>(3, ffn + zero + copy + constant));
  const std::string router = one_of(
      {"{preset: mixtral, ", "{preset: olmoe, ", "{preset: llama4, ", "{kind: random, ", "{kind: hash, "});
  const std::string capacity = one_of({"null", "null", "{factor: 0.7, min: 1, formula: megatron}"});
  return "seed: " + std::to_string(number) + "\nlayer: {" + layer +
         "}\nworkload: {kind: gaussian_clusters, tokens: " + std::to_string(pick(1, 70)) +
         "}\nrouter: " + router + "top_k: " + std::to_string(top_k) + "}\ncapacity: " + capacity + "\n";
}

TEST(Structures, AThousandLayersAgreeWithTheSecondImplementation) {
  const TempFolder folder;
  const Context context({.threads = 2});
  double worst = 0;
  int compared = 0;
  int dropped = 0;
  for (std::uint64_t number = 0; number < 1000; ++number) {
    const std::string text = draw_config(number);
    const Experiment experiment = load_experiment(folder.write("c.yaml", text), {});
    const MoeStack stack = make_moe_stack(experiment, context);
    const NaiveLayer naive = to_naive(experiment, stack.layers.front(), 0);
    const TokenBatch batch = experiment.workload->batch(context, 0);
    Workspace workspace;
    load_batch(batch, workspace);
    Matrix normed(workspace.x.rows(), workspace.x.cols());
    rms_norm(workspace.x.view(), normed.view(), context);
    std::vector<std::vector<NaiveAssignment>> kept;
    bool on_input = false;
    run_moe_step({experiment, stack, context}, batch, workspace, [&](const LayerEvent& event) {
      on_input = event.plan.weight_on == WeightOn::input;
      for (Index t = 0; t < event.plan.num_tokens(); ++t) {
        kept.push_back(kept_of(event.assignments, event.plan, t));
      }
      dropped += static_cast<int>(event.plan.num_assignments() - event.plan.num_rows());
    });
    for (Index t = 0; t < normed.rows(); ++t) {
      const testing::NaiveLayerOutput expected =
          naive_layer(naive, to_row(normed.row(t)), kept[static_cast<std::size_t>(t)], on_input);
      const double size = expected.normed_size > 0 ? std::min(1.0, expected.normed_size) : 1.0;
      const double distance = size * distance_in_units(workspace.y.row(t), expected.y);
      worst = std::max(worst, distance);
      EXPECT_LE(distance, 2e-6) << text << "token " << t;
      ++compared;
    }
  }
  EXPECT_GT(compared, 10000);
  EXPECT_GT(dropped, 1000);
  RecordProperty("worst", std::to_string(worst * 1e6) + " millionths");
  RecordProperty("compared", compared);
}

constexpr const char* kEverything =
    "name: everything\n"
    "layer: {num_layers: 2, d_model: 24, d_ff: 20, num_experts: 5, zero_experts: 1, copy_experts: 2,\n"
    "        constant_experts: 2, shared_width: 18, shared_kind: residual_mix, latent_width: 10,\n"
    "        latent_norm: true}\n"
    "workload: {kind: gaussian_clusters, tokens: 200, steps: 3}\n"
    "router: {preset: gpt_oss, top_k: 2}\n"
    "baselines: []\n";

Experiment everything(const TempFolder& folder, const std::vector<std::string>& overrides = {}) {
  return load_experiment(folder.write("everything.yaml", kEverything), overrides);
}

TEST(Structures, CountEveryStoredWeightAndForeseeIt) {
  const TempFolder folder;
  const Context context({.threads = 2});
  for (const std::vector<std::string>& overrides : std::vector<std::vector<std::string>>{
           {},
           {"layer.shared_kind=gated"},
           {"layer.shared_kind=plain", "layer.activation=relu"},
           {"layer.ffn_bias=true"},
           {"layer.ffn_bias=true", "layer.activation=relu"},
           {"layer={d_model: 24, d_ff: 20, num_experts: 5, latent_width: 40}"},
           {"layer={d_model: 24, d_ff: 20, num_experts: 5, copy_experts: 7}"},
           {"layer={d_model: 24, d_ff: 20, num_experts: 5, num_shared_experts: 3, constant_experts: 4}"}}) {
    const Experiment experiment = everything(folder, overrides);
    const MoeStack stack = make_moe_stack(experiment, context);
    const LayerCost cost =
        moe_layer_cost(experiment.shape, {.gate_params = stack.layers.front().gate.num_params()});
    const auto layers = static_cast<std::uint64_t>(experiment.shape.num_layers);
    EXPECT_EQ(cost.total_params * 4 * layers, stack.weight_bytes());
    EXPECT_EQ(cost.weight_bytes * layers, stack.weight_bytes());
    std::uint64_t stored = 0;  // with what fills up the panels
    for (const MoeLayer& layer : stack.layers) {
      const auto floats =
          static_cast<std::uint64_t>(layer.gate.weight.rows() * layer.gate.weight.cols() +
                                     layer.experts.weights.rows() * layer.experts.weights.cols() +
                                     layer.experts.constant.rows() * layer.experts.constant.cols() +
                                     layer.experts.constant_gate.rows() * layer.experts.constant_gate.cols() +
                                     layer.shared.ffn.weights.rows() * layer.shared.ffn.weights.cols());
      stored +=
          4 * (floats + layer.gate.bias.size() + layer.shared.gate_params() + layer.latent.num_params());
    }
    std::uint64_t foreseen = 0;
    for (const MemoryItem& item : estimate_memory(experiment, 2).items) {
      for (const char* part : {"gates", "experts", "constant experts", "shared experts", "latent maps"}) {
        foreseen += item.what == part ? item.bytes : 0;
      }
    }
    EXPECT_EQ(foreseen, stored);
  }
}

TEST(Structures, ARecordCountsThePoolAndTheWorkOfFfnExpertsAlone) {
  const TempFolder folder;
  const RunRecord record = run_experiment(everything(folder), {.measure = false});
  EXPECT_EQ(record.layers.front().counts.routed_per_expert.size(), 10u);
  std::uint64_t ffn = 0;
  std::uint64_t all = 0;
  for (const LayerResult& layer : record.layers) {
    for (std::size_t e = 0; e < 10; ++e) {
      ffn += e < 5 ? layer.counts.tokens_per_expert[e] : 0;
      all += layer.counts.tokens_per_expert[e];
    }
  }
  EXPECT_DOUBLE_EQ(record.ffn_rows_fraction, static_cast<double>(ffn) / static_cast<double>(all));
  EXPECT_DOUBLE_EQ(record.mean_kept_experts, static_cast<double>(ffn) / 1200.0);
  const double every_token = 10.0 * 24 + 10 + 3.0 * 24 * 18 + 2 * 24 + 2 + 2.0 * 24 * 10;
  EXPECT_DOUBLE_EQ(record.nominal.active_params, every_token + 1.0 * 3 * 10 * 20);  // 2 · 5/10 ffn experts
  EXPECT_NEAR(record.realised.active_params, every_token + record.mean_kept_experts * 3 * 10 * 20, 1e-6);
  EXPECT_EQ(record.nominal.total_params,
            static_cast<std::uint64_t>(every_token) + 5 * 3 * 10 * 20 + 2 * 3 * 10);
}

// A uniform router fills the pool evenly: the compute ratio of MoE++ with τ = 1.
TEST(Structures, AUniformRouterDoesTheShareOfFfnExperts) {
  const TempFolder folder;
  const Experiment experiment =
      everything(folder, {"router={kind: random, top_k: 3}", "workload.tokens=4000", "execute=false"});
  const RunRecord record = run_experiment(experiment, {.measure = false});
  // Of 3 different ones of 10 experts, 5 ffn: variance 3 · ½ · ½ · 7/9 a token; 24,000 tokens.
  EXPECT_NEAR(record.ffn_rows_fraction, ffn_share(1.0, 5, 5), 4 * std::sqrt(0.75 * 7 / 9 / 24000) / 3);
}

TEST(Structures, ADenseLayerOfTheSameActiveParametersFollowsTheFfnExpertsReallyUsed) {
  const TempFolder folder;
  const Experiment experiment =
      everything(folder, {"layer={d_model: 24, d_ff: 20, num_experts: 2, copy_experts: 6}",
                          "router={kind: random, top_k: 4}", "baselines=[dense_same_active]",
                          "measure={budget_s: 0, min_samples: 1}"});
  const RunRecord record = run_experiment(experiment, {});
  EXPECT_NEAR(record.mean_kept_experts, 1.0, 0.1);
  EXPECT_EQ(record.find_variant("dense_same_active")->width, 20);
  EXPECT_EQ(forecast_run(experiment, {}, 1e9).variants[1].width, 20);
}

TEST(Structures, KeysThatSayNothingChangeNoIdentity) {
  const TempFolder folder;
  const MachineInfo machine;
  const auto id = [&](const std::vector<std::string>& overrides) {
    return experiment_id(everything(folder, overrides), 2, machine);
  };
  const std::string base = "layer={d_model: 24, d_ff: 20, num_experts: 4, num_shared_experts: 1";
  const std::string none = id({base + "}"});
  EXPECT_EQ(id({base + ", zero_experts: 0, copy_experts: 0, constant_experts: 0, shared_kind: plain}"}),
            none);
  EXPECT_EQ(id({base + ", shared_width: none, latent_width: none, ffn_bias: false}"}), none);
  EXPECT_EQ(id({base + "}", "executor={sums: chain}"}), none);
  EXPECT_NE(id({base + "}", "executor={sums: blocks}"}), none);
  for (const char* part :
       {"zero_experts: 1", "copy_experts: 1", "constant_experts: 1", "shared_kind: gated",
        "shared_kind: residual_mix", "ffn_bias: true", "latent_width: 8", "latent_width: 16"}) {
    EXPECT_NE(id({base + ", " + part + "}"}), none) << part;
  }
  EXPECT_NE(id({base + ", latent_width: 8, latent_norm: true}"}), id({base + ", latent_width: 8}"}));
}

// What a layer without the parts computes must not depend on the program knowing them.
TEST(Structures, PartsChangeNoWeightOfTheOthers) {
  const TempFolder folder;
  const Context context({.threads = 1});
  const std::string base = "layer={num_layers: 2, d_model: 24, d_ff: 20, num_experts: 5";
  const MoeStack with = make_moe_stack(
      everything(folder,
                 {base + ", zero_experts: 1, copy_experts: 2, constant_experts: 2, shared_width: 9}"}),
      context);
  const MoeStack without = make_moe_stack(everything(folder, {base + "}"}), context);
  for (std::size_t l = 0; l < 2; ++l) {
    const ExpertBank& a = with.layers[l].experts;
    const ExpertBank& b = without.layers[l].experts;
    ASSERT_EQ(a.weights.rows(), 5);
    ASSERT_EQ(b.weights.rows(), 5);
    for (Index e = 0; e < 5; ++e) {
      EXPECT_EQ(to_row(a.weights.row(e)), to_row(b.weights.row(e)));
    }
    for (Index e = 0; e < 5; ++e) {
      EXPECT_EQ(to_row(with.layers[l].gate.weight.row(e)), to_row(without.layers[l].gate.weight.row(e)));
    }
  }
}

}  // namespace
}  // namespace moesim
