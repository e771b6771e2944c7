#include "engine/recorded_steps.h"

#include "core/error.h"
#include "engine/estimate.h"
#include "engine/recorder.h"
#include "engine/steering.h"
#include "engine/streamed_steps.h"

namespace moesim {
namespace {

void record_steps(RunState& state, Recorder& recorder, Steering& steering) {
  const Index steps = steps_before_stream(state);
  const MoeRun run{state.experiment, state.stack, state.context};
  for (Index step = 0; step < steps; ++step) {
    const TokenBatch batch = state.experiment.workload->batch(state.context, step);
    load_batch(batch, state.workspace);
    const StageSeconds seconds = run_moe_step(run, batch, state.workspace, [&](const LayerEvent& event) {
      recorder.on_layer(event);
      steering.on_layer(event);
      state.note_work(step, event);
      if (state.options.on_layer) {
        state.options.on_layer(step, event);
      }
    });
    recorder.end_step(step, seconds, state.workspace.x.view());
    steering.end_step();
    after_steps(state, step + 1);
  }
  stream_steps(state, recorder, steps);
}

void fill_costs(RunRecord& record, const RunState& state) {
  const LayerShape& shape = state.experiment.shape;
  LayerUse use{.experts_per_token = nominal_ffn_experts(shape, nominal_experts_per_token(state.experiment)),
               .gate_params = state.stack.layers.front().gate.num_params(),
               .distinct_experts = static_cast<double>(shape.num_experts),
               .tokens = static_cast<std::uint64_t>(record.tokens),
               .slots = record.slots,
               .weight_type = state.experiment.executor.executor->weight_type()};
  record.nominal = moe_layer_cost(shape, use);
  double kept = 0;
  double distinct = 0;
  double tokens = 0;
  double steps = 0;
  for (const LayerResult& layer : record.layers) {
    kept += static_cast<double>(layer.counts.kept_ffn);
    tokens += static_cast<double>(layer.counts.tokens);
    distinct += static_cast<double>(layer.counts.distinct_experts);
    steps += static_cast<double>(layer.counts.steps);
  }
  use.experts_per_token = tokens > 0 ? kept / tokens : 0;
  use.distinct_experts = steps > 0 ? distinct / steps : 0;
  record.mean_kept_experts = use.experts_per_token;
  record.mean_distinct_experts = use.distinct_experts;
  record.realised = moe_layer_cost(shape, use);
  if (!record.exact_k &&
      record.slots == 0) {  // no number of experts is written down anywhere: what they chose
    record.nominal.active_params = record.realised.active_params;
    record.nominal.flops_per_token = record.realised.flops_per_token;
  }
  record.weight_bytes = state.stack.weight_bytes();
}

// 200 draws of all loads: no floor where that would take seconds.
void fill_noise_floor(RunRecord& record, const Experiment& experiment) {
  constexpr Index kMostLoads = 65536;
  const LayerShape& shape = experiment.shape;
  if (record.expert_side || record.slots > 0 || record.layers.empty() ||
      shape.pool_size() > kMostLoads / shape.num_layers) {
    return;
  }
  std::vector<Counts> layers;
  for (const LayerResult& layer : record.layers) {
    layers.push_back(layer.counts.tokens_with_k);
  }
  record.noise_floor = noise_floor(layers, shape.pool_size(), experiment.seed);
}

RunRecord start_record(const RunState& state) {
  const Experiment& experiment = state.experiment;
  const RouterTraits traits = experiment.router->traits();
  RunRecord record;
  record.name = experiment.name;
  record.config_source = experiment.source.name;
  record.resolved = experiment.resolved;
  record.build = build_info();
  record.machine = state.machine;
  record.shape = experiment.shape;
  record.router = experiment.router_name;
  record.top_k = traits.top_k;
  record.exact_k = traits.exact_k;
  record.slots = traits.choice == Choice::soft ? experiment.router->num_logits() : 0;
  record.expert_side = traits.choice == Choice::expert;
  record.executed = experiment.execute;
  record.has_gate = traits.needs_logits && experiment.workload->num_logits() == 0;
  record.executor = experiment.executor.kind;
  record.layout = experiment.execute ? experiment.executor.executor->layout() : "";
  record.tokens = experiment.workload->tokens();
  record.steps = experiment.workload->steps();
  record.tokens_before_repeat = experiment.workload->tokens_before_repeat();
  record.timing.threads = state.context.threads();
  record.timing.budget_s = state.budget_s;
  return record;
}

}  // namespace

RunRecord record_run(RunState& state) {
  RunRecord record = start_record(state);
  Recorder recorder(state.experiment, state.stack,
                    {state.options.show_tokens, state.options.detail, state.options.detail_of_layers});
  Steering steering(state.experiment, state.stack, state.context);
  const Stopwatch watch;
  record_steps(state, recorder, steering);
  record.record_seconds = watch.seconds();
  recorder.fill(record);
  record.steering = steering.result();
  fill_costs(record, state);
  fill_noise_floor(record, state.experiment);
  return record;
}

}  // namespace moesim
