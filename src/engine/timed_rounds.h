#pragma once
// Private to this room: the measured half of a run.

#include "engine/run_state.h"

namespace moesim {

// Fills record.variants and record.timing (but not its verdict) within what is left of the budget.
void time_rounds(RunState& state, const RunForecast& forecast, RunRecord& record);

}  // namespace moesim
