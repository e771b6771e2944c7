#pragma once
// Private to this room: all that changes while an experiment runs.

#include <string>
#include <vector>

#include "core/stopwatch.h"
#include "engine/model.h"
#include "engine/probe_limits.h"
#include "engine/run.h"
#include "engine/step.h"
#include "metrics/predict.h"

namespace moesim {

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
  std::vector<std::vector<LayerWork>> works;  // of the first recorded steps, by layer
  // Between rounds: the peak, and plain reads of rows and of each contestant's weights, all threads.
  std::vector<double> flops, rows_read, rows_again;
  std::vector<std::vector<double>> weights_read;
  std::string shares_source;

  RunState(const Experiment& e, const RunOptions& o, const MachineInfo& m)
      : experiment(e),
        options(o),
        machine(m),
        context({.threads = resolve_threads(e, o, m), .task_delay_seed = o.task_delay_seed}),
        budget_s(o.budget_s.value_or(e.measure.budget_s)),
        busy(static_cast<std::size_t>(context.threads())) {}

  void note_work(Index step, const LayerEvent& event);
  bool stop_requested() const { return options.stop_requested && options.stop_requested(); }
  void progress(const std::string& phase, double fraction) const {
    if (options.on_progress) {
      options.on_progress(phase, fraction);
    }
  }
};

}  // namespace moesim
