// Runs whose layer has the weights of a checkpoint.

#include "engine/given_layer.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/machine.h"
#include "engine/estimate.h"
#include "engine/logit_stream.h"
#include "engine/run.h"
#include "engine/step.h"
#include "experts/dense.h"
#include "support/executors.h"
#include "support/moe_models.h"
#include "support/temp_folder.h"

namespace moesim {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::ModelMaker;
using testing::ModelOptions;
using testing::NaiveOutput;
using ::testing::Not;
using testing::Row;
using testing::TestModel;

// A checkpoint in the folder "model" beside the configs.
struct Scene {
  TempFolder folder;
  TestModel model;

  explicit Scene(const std::string& layout, const ModelOptions& options = {})
      : model(ModelMaker(options_for(layout, options)).make(layout)) {
    write();
  }
  static ModelOptions options_for(const std::string& layout, ModelOptions options) {
    options.prefix = layout == "dbrx"             ? "transformer."
                     : layout == "ernie45_paddle" ? "ernie."
                                                  : options.prefix;
    if (layout == "gpt_oss_mxfp4") {
      options.d_model = 64;
      options.d_ff = 32;
    }
    return options;
  }
  std::string path() const { return (std::filesystem::path(folder.path()) / "model").string(); }
  void write() const { model.write(path()); }
  Experiment load(const std::vector<std::string>& overrides = {}, const LoadOptions& options = {},
                  const std::string& layer = "{checkpoint: model, index: 1}") const {
    return load_experiment(
        folder.write("c.yaml", "layer: " + layer +
                                   "\nworkload: {kind: gaussian_clusters, tokens: 40, steps: 2}\n"
                                   "measure: {budget_s: 0, min_samples: 1}\n"),
        overrides, options);
  }
  std::string problems(const std::vector<std::string>& overrides,
                       const std::string& layer = "{checkpoint: model, index: 1}") const {
    try {
      load(overrides, {}, layer);
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  }
};

Matrix normed_batch(const Experiment& experiment, const Context& context) {
  const TokenBatch batch = experiment.workload->batch(context, 0);
  Matrix normed(batch.hidden.rows(), batch.hidden.cols());
  rms_norm(batch.hidden.view(), normed.view(), context);
  return normed;
}

class EveryLayout : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryLayout, RunsAsItsOwnProgramComputes) {
  const Scene scene(GetParam());
  const Context context({.threads = 2});
  for (const std::vector<std::string>& overrides :
       {std::vector<std::string>{}, {"executor={kind: serial}"}, {"executor.sums=blocks"}}) {
    const Experiment experiment = scene.load(overrides);
    const MoeStack stack = make_moe_stack(experiment, context);
    ASSERT_EQ(stack.layers.size(), 1u);
    const Matrix normed = normed_batch(experiment, context);
    const TokenBatch batch = experiment.workload->batch(context, 0);
    Workspace workspace;
    load_batch(batch, workspace);
    run_moe_step({experiment, stack, context}, batch, workspace, [](const LayerEvent&) {});
    for (Index t = 0; t < normed.rows(); ++t) {
      const NaiveOutput expected =
          scene.model.compute(scene.model.blocks.at(1), Row(normed.row(t).begin(), normed.row(t).end()));
      double distance = 0;
      double size = 0;
      for (std::size_t i = 0; i < expected.y.size(); ++i) {
        const double difference = static_cast<double>(workspace.y.row(t)[i]) - expected.y[i];
        distance += difference * difference;
        size += expected.y[i] * expected.y[i];
      }
      EXPECT_LE(std::sqrt(distance), 2e-6 * std::sqrt(std::max(size, 1.0))) << "token " << t;
    }
  }
}

std::string name_of(const ::testing::TestParamInfo<std::string>& of) {
  return of.param;
}
INSTANTIATE_TEST_SUITE_P(Given, EveryLayout, ::testing::ValuesIn(ModelMaker::layouts()), name_of);

TEST(GivenLayer, ItsSettingsAreTheCheckpoints) {
  const Scene scene("qwen2_moe");
  const Experiment experiment = scene.load();
  EXPECT_EQ(experiment.shape.num_layers, 1);
  EXPECT_EQ(experiment.shape.d_model, 24);
  EXPECT_EQ(experiment.shape.d_ff, 12);
  EXPECT_EQ(experiment.shape.num_experts, 6);
  EXPECT_EQ(shared_ffn_width(experiment.shape), 16);
  EXPECT_EQ(experiment.shape.shared_kind, SharedKind::gated);
  EXPECT_EQ(experiment.router->traits().top_k, 2);
  const auto setting = [&](const std::string& path) -> ResolvedValue {
    for (const ResolvedValue& value : experiment.resolved) {
      if (value.path == path) {
        return value;
      }
    }
    return {};
  };
  EXPECT_EQ(setting("layer.d_model").value, "24");
  EXPECT_THAT(setting("layer.d_model").origin, HasSubstr("model/config.json"));
  EXPECT_EQ(setting("layer.num_experts").value, "6");
  EXPECT_EQ(setting("layer.shared_kind").value, "gated");
  EXPECT_EQ(setting("layer.index").value, "1");
  EXPECT_THAT(setting("layer.index").origin, HasSubstr("c.yaml"));
  EXPECT_THAT(setting("router.top_k").origin, HasSubstr("config.json"));
  const Experiment oss = Scene("gpt_oss").load();
  EXPECT_TRUE(oss.shape.ffn_bias);
  EXPECT_EQ(oss.shape.activation, Activation::swiglu_oai);
}

TEST(GivenLayer, BaselinesAndMemoryFollowFromItsWidths) {
  const Scene scene("gpt_oss");
  const Experiment experiment = scene.load({"baselines=[dense_same_active, dense_same_flops]"});
  const RunRecord record = run_experiment(experiment, {});
  EXPECT_EQ(record.find_variant("dense_same_active")->width, 2 * 12);
  EXPECT_GT(record.find_variant("dense_same_flops")->width, 0);
  const std::uint64_t expert = 3 * 24 * 12 + 2 * 12 + 24;
  EXPECT_EQ(record.nominal.total_params, 6 * expert + 6 * 24 + 6);
  bool reading = false;
  for (const MemoryItem& item : estimate_memory(experiment, 2).items) {
    reading = reading || (item.what == "reading the checkpoint" && item.bytes > 0);
  }
  EXPECT_TRUE(reading);
  EXPECT_EQ(forecast_run(experiment, {}, 1e9).variants[1].width, 2 * 12);
}

TEST(GivenLayer, TheRouterIsTheCheckpointsUnlessTheConfigHasOne) {
  const Scene scene("deepseek_v3");
  const Context context({.threads = 1});
  const Experiment own = scene.load();
  EXPECT_EQ(own.router_name, "deepseek_v3");
  EXPECT_EQ(own.router->traits().top_k, 2);
  const MoeStack stack = make_moe_stack(own, context);
  ASSERT_EQ(stack.layers[0].state.expert_bias.size(), 6u);
  EXPECT_EQ(stack.layers[0].state.expert_bias[3],
            static_cast<float>(scene.model.blocks.at(1).selection_bias[3]));
  const Experiment three = scene.load({"router.top_k=3"});  // a key that was typed changes it
  EXPECT_EQ(three.router_name, "deepseek_v3");
  EXPECT_EQ(three.router->traits().top_k, 3);
  const Experiment same =
      scene.load({"router={preset: deepseek_v3, top_k: 1, num_expert_groups: 3, num_limited_groups: 2}"});
  EXPECT_EQ(make_moe_stack(same, context).layers[0].state.expert_bias.size(), 6u);
  const Experiment other = scene.load({"router={preset: mixtral, top_k: 1}"});
  EXPECT_EQ(other.router_name, "mixtral");
  EXPECT_TRUE(make_moe_stack(other, context).layers[0].state.expert_bias.empty());
  EXPECT_TRUE(same_bits(make_moe_stack(other, context).layers[0].gate.weight.view(),
                        stack.layers[0].gate.weight.view()));
  EXPECT_EQ(
      make_moe_stack(scene.load({"router={kind: random, top_k: 2}"}), context).layers[0].gate.num_params(),
      0u);
}

TEST(GivenLayer, SaysWhatItDoesNotFit) {
  const Scene scene("mixtral");
  EXPECT_EQ(scene.problems({}), "none");
  EXPECT_THAT(scene.problems({}, "{checkpoint: model, index: 1, d_model: 24, num_experts: 6}"),
              AllOf(HasSubstr("layer.d_model: given beside layer.checkpoint, which says it"),
                    HasSubstr("layer.num_experts: given beside"), HasSubstr("layer.checkpoint is given here"),
                    HasSubstr("[bad-relation]"), Not(HasSubstr("d_ff"))));
  EXPECT_THAT(scene.problems({"layer.ffn_bias=false"}), HasSubstr("layer.ffn_bias: given beside"));
  EXPECT_THAT(scene.problems({"layer.num_layers=2"}),
              HasSubstr("layer.num_layers: 2 beside layer.checkpoint"));
  EXPECT_EQ(scene.problems({"layer.num_layers=1"}), "none");
  EXPECT_THAT(
      scene.problems({"layer.index=2"}),
      AllOf(HasSubstr("layer.checkpoint"), HasSubstr("there is no layer 2"), HasSubstr("[out-of-range]")));
  EXPECT_THAT(scene.problems({"layer.index=-1"}), HasSubstr("layer.index"));
  EXPECT_THAT(scene.problems({"layer.checkpoint=nowhere"}), HasSubstr("layer.checkpoint"));
  EXPECT_THAT(scene.problems({}, "{d_model: 8, index: 1}"), HasSubstr("layer.checkpoint is none"));
  EXPECT_THAT(scene.problems({"router.top_k=7"}),
              AllOf(HasSubstr("layer.num_experts is 6 ("), HasSubstr("model/config.json)")));
  EXPECT_THAT(scene.problems({"layer.layout=nowhere.yaml"}), HasSubstr("nowhere.yaml"));
  EXPECT_THAT(Scene("deepseek_v3").problems({"layer.index=0"}), HasSubstr("layer 0 is dense"));
  EXPECT_THAT(scene.problems({"router={preset: mixtral, top_k: 2, logit: cosine}"}),
              AllOf(HasSubstr("weights that the checkpoint does not hold"), HasSubstr("bad-relation")));
  EXPECT_THAT(scene.problems({"router={preset: mixtral, top_k: 2, logit: linear_bias}"}),
              HasSubstr("router.logit: the checkpoint's gate has no bias; expected linear"));
  EXPECT_THAT(Scene("gpt_oss").problems({"router={preset: mixtral, top_k: 2}"}),
              HasSubstr("the checkpoint's gate has a bias; expected linear_bias"));
  EXPECT_THAT(scene.problems({"router={kind: soft, slots_per_expert: 2}"}),
              HasSubstr("weights that the checkpoint does not hold"));
}

TEST(GivenLayer, AnExperimentIsWhatItsFilesHold) {
  Scene scene("olmoe");
  const MachineInfo machine;
  const auto id = [&](const std::vector<std::string>& overrides = {}) {
    return experiment_id(scene.load(overrides), 2, machine);
  };
  const std::string before = id();
  EXPECT_EQ(id(), before);
  EXPECT_NE(id({"layer.index=0"}), before);
  // Another number of an expert of this layer, then one of the other layer alone.
  Scene changed("olmoe", {.seed = 2});
  changed.model.write(scene.path());
  const std::string other = id();
  EXPECT_NE(other, before);
  scene.write();
  EXPECT_EQ(id(), before);
  TestModel config = scene.model;
  config.config["rope_theta"] = 5;  // changes nothing that is computed, but the file is another
  config.write(scene.path());
  EXPECT_NE(id(), before);
}

TEST(GivenLayer, BalanceLooksAtItsGate) {
  const Scene scene("deepseek_v3");
  const Context context({.threads = 1});
  const Experiment experiment =
      scene.load({"balance={controller: {kind: loss_free_sign}, stream: {kind: workload}}"},
                 {.purpose = Purpose::closed_loop});
  const Matrix normed = normed_batch(experiment, context);
  Matrix logits(normed.rows(), 6);
  experiment.balance->stream.stream->open()(0, {.logits = logits.view(), .noise_deviation = {}}, context);
  for (Index t = 0; t < normed.rows(); ++t) {
    const NaiveOutput expected =
        scene.model.compute(scene.model.blocks.at(1), Row(normed.row(t).begin(), normed.row(t).end()));
    for (std::size_t e = 0; e < 6; ++e) {
      EXPECT_NEAR(logits.row(t)[e], expected.logits[e], 1e-5);
    }
  }
}

TEST(GivenLayer, RoutingAloneNeedsNoExperts) {
  const Scene scene("mixtral");
  const RunRecord record = run_experiment(scene.load({"execute=false"}), {.measure = false});
  EXPECT_EQ(record.layers.front().counts.routed_per_expert.size(), 6u);
  EXPECT_TRUE(record.has_gate);
}

}  // namespace
}  // namespace moesim
