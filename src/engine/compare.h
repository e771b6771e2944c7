#pragma once
// Two or more experiments against each other: measured now in turns, or as they were stored.

#include <string>
#include <vector>

#include "engine/run.h"
#include "metrics/comparison.h"
#include "store/result_store.h"

namespace moesim {

// One key or metric that differs.
struct Difference {
  std::string name;
  FlatValue a;
  FlatValue b;
};

// B (and C, …) against A, the first.
struct Comparison {
  std::string title;                 // what was typed
  FlatRow record;                    // of the run
  std::vector<Difference> settings;  // p.* that differ from A's
  bool same_routing = false;         // bit for bit
  bool same_output = false;
  bool timed = false;  // there are times on both sides
  SpeedVerdict speed;
  // What a picture shows beside the verdict; only of what was measured now, stored runs have theirs in the
  // store.
  std::vector<double> seconds;  // of a step, each round
  std::vector<double> ratios;   // tokens/s over A's, of each two rounds that mirror each other
  std::vector<Counts> loads;    // [L][E] before drops, all recorded steps
};

struct CompareResult {
  bool live = true;                 // measured now, in turns
  std::vector<Comparison> entries;  // A first, compared with itself
  std::string parameters;           // of stored sweeps: which point; "" for single runs
  int rounds = 0;
  bool interrupted = false;
};

struct CompareInput {
  std::string title;
  Experiment experiment;
};
struct CompareOptions {
  double budget_s = 10;  // of the turns, without recording
  std::function<bool()> stop_requested = {};
  std::function<void(const std::string& phase, double fraction)> on_progress = {};
};

// Runs the recorded steps of each, then lets their MoE layers take turns. All must fit the memory together.
// Throws Error(out_of_memory, interrupted).
CompareResult compare_live(const std::vector<CompareInput>& inputs, const CompareOptions& options);

// Points of two stored runs or sweeps with the same parameters, in A's order; single runs are always a pair.
// Throws Error(bad_data) when they have no point in common.
std::vector<CompareResult> compare_stored_runs(const std::string& folder_a, const std::string& folder_b);

}  // namespace moesim
