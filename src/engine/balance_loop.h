#pragma once
// The closed loop: a router and several controllers, side by side on the same logits, no expert executed. The
// state of step t+1 follows from the record of step t.

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "engine/experiment.h"
#include "metrics/noise_floor.h"

namespace moesim {

// One step of one controller. Loads are those of the experts that compute something.
struct BalanceStep {
  double max_violation = 0;           // max n/n̄ − 1
  double min_violation = 0;           // 1 − min n/n̄
  double dead_experts = 0;            // experts without a token
  double gate_mass = 0;               // sum of the unbiased scores of a token's experts, mean over tokens
  double experts_per_token = 0;       // mean
  double real_experts_per_token = 0;  // … of those that compute something
};

struct BalanceCourse {
  std::string title;  // "none", or the controller's kind and keys
  std::string kind;   // "none" for the router alone
  std::string path;   // of the controller's section: its settings in `resolved`; "" for the router alone
  std::vector<BalanceStep> steps;
  ControllerState last;    // after the last step
  Counts last_loads{};     // [E] of the last step, all experts
  Acts acts = Acts::adds;  // how `last` reaches the router
};

struct BalanceRecord {
  std::string name;
  std::string config_source;
  std::vector<ResolvedValue> resolved;
  std::string router;
  BiasUnit bias_unit = BiasUnit::score;
  std::string stream;  // kind
  Index num_experts = 0;
  Index num_zero_experts = 0;
  Index tokens = 0;  // T, in a step
  Index top_k = 0;
  std::uint64_t seed = 0;
  NoiseFloor noise_floor;  // of one step of a uniform router over the experts that compute something
  std::vector<BalanceCourse> courses;  // the router alone first
  bool interrupted = false;            // stopped before the last step
};

// A course in a few numbers; means over steps, not-a-number where a window has no step.
struct BalanceSummary {
  double first = std::numeric_limits<double>::quiet_NaN();        // MaxVio of step 0
  double steps_1_5 = std::numeric_limits<double>::quiet_NaN();    // MaxVio
  double steps_45_55 = std::numeric_limits<double>::quiet_NaN();  // MaxVio
  BalanceStep last_50{};                                          // of the last 50 steps, or all
  std::optional<Index> first_below_half{};                        // first step with MaxVio < 0.5
};
BalanceSummary summarise_course(const std::vector<BalanceStep>& steps);

struct BalanceOptions {
  int threads = 0;  // 0: as the config says
  std::function<bool()> stop_requested = {};
  std::function<void(const std::string& phase, double fraction)> on_progress = {};
};

// The experiment must have been loaded with Purpose::closed_loop and have controllers. Throws
// Error(out_of_memory) before anything is allocated, Error(interrupted) when stopped before the first step is
// done.
BalanceRecord run_balance(const Experiment& experiment, const BalanceOptions& options);

}  // namespace moesim
