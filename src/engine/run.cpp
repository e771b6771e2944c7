#include "engine/run.h"

#include "engine/estimate.h"
#include "engine/recorded_steps.h"
#include "engine/run_state.h"
#include "engine/timed_rounds.h"
#include "engine/verdict.h"

namespace moesim {
namespace {

// A step more, that nobody times: who worked when.
std::vector<BlockSpan> watch_one_step(RunState& state) {
  const TokenBatch batch = state.experiment.workload->batch(state.context, 0);
  load_batch(batch, state.workspace);
  state.context.start_timeline();
  run_moe_step({state.experiment, state.stack, state.context}, batch, state.workspace);
  return state.context.stop_timeline();
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
  check_run_fits(experiment, options, read_machine());
}

void check_run_fits(const Experiment& experiment, const RunOptions& options, const MachineInfo& machine) {
  const int threads = resolve_threads(experiment, options, machine);
  if (fits_memory(experiment, threads, machine)) {
    return;
  }
  check_memory(experiment, threads, machine, {});  // the MoE alone: leaving out baselines does not help
  check_memory(experiment, threads, machine,
               baselines_that_run(experiment, forecast_run(experiment, options)));
}

RunRecord run_experiment(const Experiment& experiment, const RunOptions& options) {
  const MachineInfo machine = read_machine();
  check_run_fits(experiment, options, machine);
  const RunForecast forecast = forecast_run(experiment, options);
  check_memory(experiment, forecast.threads, machine, baselines_that_run(experiment, forecast));
  if (options.on_forecast) {
    options.on_forecast(forecast);
  }
  RunState state(experiment, options, machine);
  state.stack = make_moe_stack(experiment, state.context);

  RunRecord record = record_run(state);
  record.estimated_bytes = forecast.bytes;
  if (options.measure && record.tokens > 0) {
    time_rounds(state, forecast, record);
    judge_timing(record, experiment.measure);
  }
  if (options.detail && record.tokens > 0) {
    record.detail.timeline = watch_one_step(state);
  }
  record.timing.spent_s = state.watch.seconds();
  record.peak_rss_bytes = peak_rss_bytes();
  return record;
}

}  // namespace moesim
