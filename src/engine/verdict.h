#pragma once
// Private to this room: may the figures be quoted?

#include "engine/experiment.h"
#include "metrics/run_record.h"

namespace moesim {

// Sets timing.weights, .cold_threshold_bytes and .layers_for_cold from .coldest_bytes_read.
// Bytes of weights a step must read to be cold: the smaller of four last-level caches and 1 GiB.
double cold_threshold(const MachineInfo& machine);

void judge_weights(RunRecord& record);

// Sets timing.verdict and .reasons. invalid: the build cannot measure, or a variant lacks its samples. noisy:
// an interval is wider than the target, or the cores were not really there. ok: neither.
void judge_timing(RunRecord& record, const MeasureParams& measure);

}  // namespace moesim
