#pragma once
// Private to this room: the measured half of a run.

#include "engine/contest.h"
#include "engine/run_state.h"

namespace moesim {

// The MoE of a recorded run; `state` must stay where it is.
Contestant moe_contestant(RunState& state, const RunRecord& record);
// A dense stack of the width that the forecast names.
Contestant dense_contestant(RunState& state, const VariantForecast& forecast);
// The same ruler whatever the experiment.
Contestant yardstick_contestant(RunState& state, int repeats);
// Steps in a row for one sample of at least a millisecond, `most` at most.
int choose_repeats(double seconds_per_step, Index most);
// Makes the batches of a round.
void prepare_round(RunState& state, Index round, int repeats);

// Fills record.variants and record.timing (but not its verdict) within what is left of the budget.
void time_rounds(RunState& state, const RunForecast& forecast, RunRecord& record);

}  // namespace moesim
