#pragma once
// Private to this room: dense_same_time, the dense stack that takes the MoE's measured time.

#include "engine/contest.h"
#include "engine/run_state.h"

namespace moesim {

// Steps, in times of the MoE, of the fewest trials: two widths, each a warm-up and two rounds of both.
constexpr double kFewestSearchSteps = 10.0;

struct SameTimeOptions {
  const VariantForecast& forecast;  // its width is where the search begins
  int repeats = 1;                  // steps in one sample
};

// Measures dense stacks of several widths in turns with the MoE, in at most two fifths of what is left of the
// budget (two widths at least), and makes the one whose time came closest. Its result names the bounds and
// the number of widths tried; it is `skipped` when the forecast says so or nothing could be measured.
Contestant same_time_contestant(RunState& state, const RunRecord& record, const SameTimeOptions& options);

}  // namespace moesim
