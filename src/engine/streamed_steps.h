#pragma once
// Private to this room: recorded steps that stand alone, several at a time, each by one thread.

#include "engine/recorder.h"
#include "engine/run_state.h"

namespace moesim {

// Steps that a run records one after the other before it streams: those whose tokens are shown and whose
// detail (pairs of experts, histograms) is kept. All of them where steps do not stand alone, because experts
// run, a controller moves the router's state, or somebody looks at every layer.
Index steps_before_stream(const RunState& state);

// Steps [first, the last]. The record is what it would be one after the other; memory is that of one step for
// each thread. Throws Error(interrupted).
void stream_steps(RunState& state, Recorder& recorder, Index first);

// After each recorded step: shows the progress, and throws Error(interrupted) when the run is to stop.
void after_steps(const RunState& state, Index done);

}  // namespace moesim
