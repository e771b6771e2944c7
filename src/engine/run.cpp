#include "engine/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/error.h"
#include "core/stopwatch.h"
#include "engine/contest.h"
#include "engine/estimate.h"
#include "engine/recorder.h"
#include "engine/verdict.h"
#include "engine/yardstick.h"
#include "experts/dense.h"

namespace moesim {
namespace {

// A sample shorter than this is several steps in a row.
constexpr double kShortestSample = 1e-3;
constexpr int kMostRepeats = 1000;

// All that changes while an experiment runs.
struct RunState {
  const Experiment& experiment;
  const RunOptions& options;
  MachineInfo machine;
  Context context;
  Stopwatch watch;
  double budget_s;
  Workspace workspace;
  MoeStack stack;
  std::vector<TokenBatch> batches;   // of the current round
  std::vector<StageSeconds> stages;  // of each MoE sample, per step
  std::vector<double> busy;          // of each thread, in MoE samples
  std::vector<double> core_samples;

  RunState(const Experiment& e, const RunOptions& o, const MachineInfo& m)
      : experiment(e),
        options(o),
        machine(m),
        context({.threads = resolve_threads(e, o, m), .task_delay_seed = o.task_delay_seed}),
        budget_s(o.budget_s.value_or(e.measure.budget_s)),
        busy(static_cast<std::size_t>(context.threads())) {}

  bool stop_requested() const { return options.stop_requested && options.stop_requested(); }
  void progress(const std::string& phase, double fraction) const {
    if (options.on_progress) {
      options.on_progress(phase, fraction);
    }
  }
};

// ---- the recorded steps
// ------------------------------------------------------------------------------------

void record_steps(RunState& state, Recorder& recorder) {
  const Index steps = state.experiment.workload->steps();
  const MoeRun run{state.experiment, state.stack, state.context};
  for (Index step = 0; step < steps; ++step) {
    const TokenBatch batch = state.experiment.workload->batch(state.context, step);
    load_batch(batch, state.workspace);
    const StageSeconds seconds = run_moe_step(run, batch, state.workspace, [&](const LayerEvent& event) {
      recorder.on_layer(event);
      if (state.options.on_layer) {
        state.options.on_layer(step, event);
      }
    });
    recorder.end_step(step, seconds, state.workspace.x.view());
    state.progress("recording", static_cast<double>(step + 1) / static_cast<double>(steps));
    if (state.stop_requested()) {
      throw Error(
          ErrorKind::interrupted,
          fmt::format("stopped after {} of {} recorded steps; nothing was measured", step + 1, steps));
    }
  }
}

void fill_costs(RunRecord& record, const RunState& state) {
  const LayerShape& shape = state.experiment.shape;
  LayerUse use{.experts_per_token = static_cast<double>(record.top_k),
               .gate_params = state.stack.layers.front().gate.num_params(),
               .distinct_experts = static_cast<double>(shape.num_experts),
               .tokens = static_cast<std::uint64_t>(record.tokens)};
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
  record.realised = moe_layer_cost(shape, use);
  record.weight_bytes = state.stack.weight_bytes();
}

void fill_noise_floor(RunRecord& record, const Experiment& experiment) {
  if (record.expert_side || record.layers.empty() || experiment.shape.num_experts > 65536) {
    return;
  }
  record.noise_floor =
      noise_floor(record.layers.front().counts.tokens_with_k, experiment.shape.num_experts, experiment.seed);
}

// ---- the timed rounds
// --------------------------------------------------------------------------------------

Contestant moe_contestant(RunState& state, const RunRecord& record) {
  Contestant moe;
  moe.result.name = "moe";
  moe.result.total_params = record.nominal.total_params;
  moe.result.weight_bytes = record.weight_bytes;
  const Gate& gate = state.stack.layers.front().gate;
  moe.result.flops_per_token = state.experiment.execute ? record.realised.flops_per_token
                                                        : 2.0 * static_cast<double>(gate.num_params());
  moe.result.weight_bytes_read = record.realised.bytes_per_token *
                                 static_cast<double>(record.tokens * state.experiment.shape.num_layers);
  moe.run = [&state] {
    const MoeRun run{state.experiment, state.stack, state.context};
    StageSeconds sum;
    state.context.reset_participants();
    for (const TokenBatch& batch : state.batches) {
      load_batch(batch, state.workspace);
      sum.add(run_moe_step(run, batch, state.workspace));
    }
    for (std::size_t i = 0; i < state.busy.size(); ++i) {
      state.busy[i] += state.context.busy_seconds(static_cast<int>(i));
    }
    state.stages.push_back(sum);
    return sum.total();
  };
  return moe;
}

Contestant dense_contestant(RunState& state, const VariantForecast& forecast) {
  Contestant dense;
  const LayerShape& shape = state.experiment.shape;
  const LayerCost cost = dense_layer_cost(shape, forecast.width,
                                          static_cast<std::uint64_t>(state.experiment.workload->tokens()));
  dense.result.name = forecast.name;
  dense.result.width = forecast.width;
  dense.result.skipped = forecast.skipped;
  dense.result.total_params = cost.total_params;
  dense.result.flops_per_token = cost.flops_per_token;
  if (!forecast.skipped.empty()) {
    return dense;
  }
  const auto stack =
      std::make_shared<DenseStack>(make_dense_stack(state.experiment, forecast.width, state.context));
  dense.result.weight_bytes = stack->weight_bytes();
  dense.result.weight_bytes_read = static_cast<double>(stack->weight_bytes());
  dense.run = [&state, stack] {
    double seconds = 0;
    for (const TokenBatch& batch : state.batches) {
      load_batch(batch, state.workspace);
      seconds +=
          run_dense_step(*state.experiment.executor.executor, *stack, state.workspace, state.context).total();
    }
    return seconds;
  };
  return dense;
}

// Declared once more for the report: the same ruler whatever the experiment.
Contestant yardstick_contestant(RunState& state, int repeats) {
  Contestant contestant;
  contestant.result.name = "yardstick";
  contestant.result.tokens = 256;
  contestant.result.flops_per_token = Yardstick::flops() / 256.0;
  const auto yardstick = std::make_shared<Yardstick>(state.context);
  contestant.run = [&state, yardstick, repeats] {
    return yardstick->run(*state.experiment.executor.executor, state.context) * repeats;
  };
  return contestant;
}

int choose_repeats(double seconds_per_step) {
  if (seconds_per_step <= 0) {
    return 1;
  }
  return static_cast<int>(std::clamp(std::ceil(kShortestSample / seconds_per_step), 1.0, 1.0 * kMostRepeats));
}

StageSeconds median_stages(const std::vector<StageSeconds>& samples, int repeats) {
  StageSeconds result;
  for (double StageSeconds::*stage :
       {&StageSeconds::norm, &StageSeconds::gate, &StageSeconds::route, &StageSeconds::plan,
        &StageSeconds::dispatch, &StageSeconds::experts, &StageSeconds::combine}) {
    std::vector<double> values;
    for (const StageSeconds& sample : samples) {
      values.push_back(sample.*stage / repeats);
    }
    result.*stage = median(values);
  }
  return result;
}

void prepare_round(RunState& state, Index round, int repeats) {
  const Index steps = state.experiment.workload->steps();
  state.batches.clear();
  for (int r = 0; r < repeats; ++r) {
    const Index step = (round * repeats + r) % std::max<Index>(1, steps);
    state.batches.push_back(state.experiment.workload->batch(state.context, step));
  }
}

void warm_up(RunState& state, std::vector<Contestant>& contestants, int repeats) {
  prepare_round(state, 0, repeats);
  for (Contestant& contestant : contestants) {
    contestant.run();
  }
  state.stages.clear();
  std::fill(state.busy.begin(), state.busy.end(), 0.0);
}

void fill_timing(RunState& state, const std::vector<Contestant>& contestants, int repeats,
                 RunRecord& record) {
  TimingResult& timing = record.timing;
  timing.repeats = repeats;
  timing.stages = median_stages(state.stages, repeats);
  timing.effective_cores = state.core_samples.empty() ? 1.0 : median(state.core_samples);
  const double busiest = *std::max_element(state.busy.begin(), state.busy.end());
  double sum = 0;
  for (const double busy : state.busy) {
    timing.participants += busy > 0 ? 1 : 0;
    sum += busy;
  }
  timing.worker_balance = busiest > 0 ? sum / (busiest * static_cast<double>(state.busy.size())) : 0;
  timing.coldest_bytes_read = 0;
  for (const Contestant& contestant : contestants) {
    if (contestant.result.name == "yardstick") {
      const double own = contestants.front().result.gflops;
      timing.yardstick_ratio =
          record.executed && contestant.result.gflops > 0 ? own / contestant.result.gflops : 0;
      continue;
    }
    const double read = contestant.result.weight_bytes_read;
    timing.coldest_bytes_read =
        timing.coldest_bytes_read == 0 ? read : std::min(timing.coldest_bytes_read, read);
  }
  judge_weights(record);
}

void time_rounds(RunState& state, const RunForecast& forecast, RunRecord& record) {
  const double step_seconds = record.step_rows.empty() ? 0.0 : record.step_rows.back().seconds;
  const int repeats = choose_repeats(step_seconds);
  std::vector<Contestant> contestants;
  std::vector<VariantResult> skipped;
  contestants.push_back(moe_contestant(state, record));
  for (const VariantForecast& variant : forecast.variants) {
    if (variant.name == "moe") {
      continue;
    }
    VariantForecast known = variant;
    if (variant.name == enum_text(Baseline::dense_same_active) && !record.exact_k) {
      known.width = dense_same_active_width(record.shape, std::lround(record.mean_kept_experts));
    }
    Contestant dense = dense_contestant(state, known);
    if (dense.run) {
      contestants.push_back(std::move(dense));
    } else {
      skipped.push_back(std::move(dense.result));
    }
  }
  for (Contestant& contestant : contestants) {
    contestant.result.tokens = record.tokens;
    contestant.result.layers = record.shape.num_layers;
  }
  contestants.push_back(yardstick_contestant(state, repeats));
  warm_up(state, contestants, repeats);

  const double left = std::max(0.0, state.budget_s - state.watch.seconds());
  record.timing.rounds = run_contest(
      contestants, {.seconds = left,
                    .min_rounds = state.experiment.measure.min_samples,
                    .repeats = repeats,
                    .prepare = [&](Index round) { prepare_round(state, round, repeats); },
                    .go_on =
                        [&](Index round, double spent) {
                          if (round < 16 || round % 8 == 0) {
                            state.core_samples.push_back(measure_effective_cores(state.context, 2e-3));
                          }
                          state.progress("measuring", left > 0 ? std::min(1.0, spent / left) : 1.0);
                          record.timing.interrupted = state.stop_requested();
                          return !record.timing.interrupted;
                        }});
  summarise(contestants);
  fill_timing(state, contestants, repeats, record);
  for (Contestant& contestant : contestants) {
    record.variants.push_back(std::move(contestant.result));
  }
  record.variants.insert(record.variants.end(), skipped.begin(), skipped.end());
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
  record.expert_side = traits.choice == Choice::expert;
  record.executed = experiment.execute;
  record.has_gate = traits.needs_logits;
  record.executor = experiment.executor.kind;
  record.tokens = experiment.workload->tokens();
  record.steps = experiment.workload->steps();
  record.timing.threads = state.context.threads();
  record.timing.budget_s = state.budget_s;
  return record;
}

}  // namespace

int resolve_threads(const Experiment& experiment, const RunOptions& options, const MachineInfo& machine) {
  if (options.threads > 0) {
    return options.threads;
  }
  return experiment.executor.threads > 0 ? static_cast<int>(experiment.executor.threads)
                                         : machine.usable_cores;
}

void check_run_fits(const Experiment& experiment, const RunOptions& options) {
  const MachineInfo machine = read_machine();
  check_memory(experiment, resolve_threads(experiment, options, machine), machine);
}

RunRecord run_experiment(const Experiment& experiment, const RunOptions& options) {
  const MachineInfo machine = read_machine();
  check_memory(experiment, resolve_threads(experiment, options, machine), machine);
  const RunForecast forecast = forecast_run(experiment, options);
  if (options.on_forecast) {
    options.on_forecast(forecast);
  }
  RunState state(experiment, options, machine);
  state.stack = make_moe_stack(experiment, state.context);

  RunRecord record = start_record(state);
  record.estimated_bytes = forecast.bytes;
  Recorder recorder(experiment, state.stack, options.show_tokens);
  record_steps(state, recorder);
  recorder.fill(record);
  fill_costs(record, state);
  fill_noise_floor(record, experiment);
  if (options.measure && record.tokens > 0) {
    time_rounds(state, forecast, record);
    judge_timing(record, experiment.measure);
  }
  record.timing.spent_s = state.watch.seconds();
  record.peak_rss_bytes = peak_rss_bytes();
  return record;
}

}  // namespace moesim
