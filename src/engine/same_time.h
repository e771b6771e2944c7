#pragma once
// Private to this room: dense_same_time, the dense stack that takes the MoE's measured time.

#include <span>

#include "engine/contest.h"
#include "engine/run_state.h"

namespace moesim {

// Rounds of all variants that the fewest trials take: two widths, each no more than a warm-up and two rounds.
constexpr double kFewestSearchRounds = 6.0;

struct SameTimeOptions {
  const VariantForecast& forecast;     // its width is where the search begins
  std::span<const Contestant> others;  // of the run, the MoE first
  std::size_t place = 1;               // before which of them it will take its turns
  int repeats = 1;                     // steps in one sample
};

// Measures dense stacks of several widths, each in the rounds that the run will have (what runs before a
// stack decides which of its weights the caches still hold), in at most two fifths of what is left of the
// budget (two widths at least), and makes the one whose time came closest to the MoE's. Its result names the
// bounds and the number of trials; it is `skipped` when the forecast says so or nothing could be measured.
Contestant same_time_contestant(RunState& state, const SameTimeOptions& options);

}  // namespace moesim
