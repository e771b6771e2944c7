#pragma once
// Replayed routing as a person reads it, and as rows.

#include <string>
#include <vector>

#include "core/flat_row.h"
#include "engine/replay.h"
#include "report/screen.h"

namespace moesim {

std::string render_replay(const ReplayPlan& plan, const Replay& replay, const ScreenStyle& style);

// One row for each layer, that of `moesim trace stats` with m.dropped_fraction and schema "moesim.replay/1";
// then one for the executed layer, recorded (A) against uniform (B), schema "moesim.compare/1".
std::vector<FlatRow> replay_rows(const ReplayPlan& plan, const Replay& replay);

}  // namespace moesim
