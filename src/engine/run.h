#pragma once
// One experiment from start to record: the only loop, and the only mutable state.

#include <algorithm>
#include <functional>
#include <optional>
#include <string>

#include "core/flat_row.h"
#include "engine/experiment.h"
#include "engine/step.h"
#include "metrics/limits.h"
#include "metrics/run_record.h"

namespace moesim {

// What a run will take, estimated before it starts.
struct VariantForecast {
  std::string name;
  Index width = 0;
  double seconds_per_step = 0;
  std::uint64_t weight_bytes = 0;
  std::string skipped;
};
struct RunForecast {
  int threads = 1;
  double yardstick_gflops = 0;
  std::vector<VariantForecast> variants;
  std::uint64_t bytes = 0;
  std::vector<std::pair<std::string, std::uint64_t>> memory;
  double record_seconds = 0;   // all steps once
  double minimum_seconds = 0;  // min_samples rounds, and the fewest trials of dense_same_time
  double budget_s = 0;
  bool measures_shares = false;  // of the limits, which `memory` counts then
  Index layers_for_cold = 1;     // num_layers that would make the weights of every variant cold

  double seconds() const { return std::max(budget_s, record_seconds + minimum_seconds); }  // the whole run
};

struct RunOptions {
  int threads = 0;                      // 0: as the config says
  std::optional<double> budget_s = {};  // instead of measure.budget_s
  Index show_tokens = 0;                // how many tokens of the first batch the record shows
  bool detail = false;                  // fill record.detail: for stored results
  bool detail_of_layers = true;         // the words' experts of every layer in it, not of the first alone
  std::optional<MachineLimits> limits = {};  // measured before: what the kernels reach of the peak
  bool measure_shares = false;  // where the limits lack this executor: measure, in a budget of 1 s or more
  bool measure = true;          // false: record the steps, time nothing
  std::uint64_t task_delay_seed = 0;  // tests only: a random wait in each parallel block
  // Called for each layer of each recorded step, in order, on the calling thread.
  std::function<void(Index step, const LayerEvent& event)> on_layer = {};
  std::function<void(const RunForecast& forecast)> on_forecast = {};  // once, before anything is run
  std::function<void(const std::string& phase, double fraction)> on_progress = {};
  std::function<bool()> stop_requested = {};  // asked between steps; true ends the run early
};

// Threads a run of this experiment uses: the option, else the config, else the machine's usable cores.
int resolve_threads(const Experiment& experiment, const RunOptions& options, const MachineInfo& machine);

// Throws Error(out_of_memory) with a setting that would fit when the run needs more memory than there is;
// where that may be for a baseline that would be skipped, times the yardstick to know.
void check_run_fits(const Experiment& experiment, const RunOptions& options, const MachineInfo& machine);
void check_run_fits(const Experiment& experiment, const RunOptions& options);

// Checks the memory first. Throws Error(interrupted) when stopped before there is anything to show.
RunRecord run_experiment(const Experiment& experiment, const RunOptions& options);

// What run_experiment would do: nothing is run but a short timing of the yardstick (a few hundredths of a
// second).
RunForecast forecast_run(const Experiment& experiment, const RunOptions& options);
// The same with a yardstick that has been measured already, in multiplications and additions a second.
RunForecast forecast_run(const Experiment& experiment, const RunOptions& options, double yardstick_flops);
// Those that the forecast does not skip: others need no memory.
std::vector<Baseline> baselines_that_run(const Experiment& experiment, const RunForecast& forecast);
double measure_yardstick(const Experiment& experiment, const ContextOptions& options);

// f.*: what --dry-run tells, as a row like that of a run (metrics/flatten.h).
FlatRow flatten(const RunForecast& forecast, const Experiment& experiment);

}  // namespace moesim
