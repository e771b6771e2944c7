#pragma once
// Many experiments from one config: planned as a whole before the first runs, stored point by point, resumed
// by giving the same command again.

#include <functional>
#include <string>
#include <vector>

#include "engine/run.h"
#include "store/result_store.h"

namespace moesim {

struct SweepPoint {
  std::int64_t place = 0;  // from 0
  FlatRow parameters;      // the axes and their values here; an axis without effect here is not among them
  std::vector<std::string> overrides;  // what makes the config this point
  std::string id;                      // experiment_id()
  RunForecast forecast;
  std::string too_large;  // why it cannot run; empty: it can
};

struct SweepPlan {
  std::string name;
  std::string config;  // as typed
  std::string id;      // of everything but the measure section: names the folder
  std::vector<std::string> axes;
  std::vector<SweepPoint> points;
  std::size_t excluded = 0;  // combinations that `where` leaves out
  std::size_t merged = 0;    // combinations equal to one before them
};

struct SweepRequest {
  std::string config;
  std::vector<std::string> axes;       // -p, as typed
  std::vector<std::string> overrides;  // --set, as typed
};

// A sweep measures each point for so long where neither the config nor an override says.
constexpr const char* kSweepBudget = "measure.budget_s=3";

// Loads every point, so that all mistakes are known before the first runs, and estimates its memory and time.
// Throws ConfigError (also for a key that has no effect at any point), Error(config) for a sweep without axes
// or points.
SweepPlan plan_sweep(const SweepRequest& request);

struct SweepOutcome {
  std::size_t done = 0;  // now or before
  std::size_t failed = 0;
  std::size_t skipped = 0;  // of `done`: had been finished before
  bool interrupted = false;
};

struct SweepOptions {
  bool fresh = false;  // run also what is there already; stopped, a call without it goes on
  std::function<bool()> stop_requested = {};
  // Before a point runs, and after it has been stored (record empty when it failed).
  std::function<void(const SweepPoint& point)> on_start = {};
  std::function<void(const SweepPoint& point)> on_progress = {};  // often, while it runs
  std::function<void(const SweepPoint& point, const StoredPoint& result)> on_end = {};
};

// Runs what `store` does not have yet. A point that fails is stored as failed, with the command that repeats
// it, and the rest goes on. Throws Error(write_failed).
SweepOutcome run_sweep(const SweepPlan& plan, ResultStore& store, const SweepOptions& options);

// Why a point would run (again): "never finished", "failed before: …", "--fresh asked for it", or what
// changed since; "" when it would not.
std::string why_run(const SweepPoint& point, const std::vector<PointSummary>& known);

}  // namespace moesim
