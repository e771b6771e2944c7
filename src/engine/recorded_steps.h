#pragma once
// Private to this room: the half of a run that counts and is not timed.

#include "engine/run_state.h"

namespace moesim {

// Runs every step once and fills all of the record but its times and its memory. Throws Error(interrupted).
RunRecord record_run(RunState& state);

}  // namespace moesim
