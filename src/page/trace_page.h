#pragma once
// What a recording says, drawn.

#include "page/page.h"
#include "trace/summary.h"

namespace moesim {

// `again`: the command that repeats it.
Page trace_page(const TraceSummary& summary, const std::string& again);

}  // namespace moesim
