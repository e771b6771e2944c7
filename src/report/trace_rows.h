#pragma once
// What a recording says, as rows and as a person reads it.

#include <string>
#include <vector>

#include "core/flat_row.h"
#include "report/screen.h"
#include "trace/summary.h"

namespace moesim {

// schema "moesim.trace/1": one row for each layer of each group.
std::vector<FlatRow> trace_rows(const TraceSummary& summary);

std::string render_trace(const TraceSummary& summary, const ScreenStyle& style);

}  // namespace moesim
