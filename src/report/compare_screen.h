#pragma once
// A comparison as a person reads it, and as a row.

#include <string>
#include <vector>

#include "core/flat_row.h"
#include "engine/compare.h"
#include "report/screen.h"

namespace moesim {

std::string render_comparison(const std::vector<CompareResult>& results, const ScreenStyle& style);

// schema "moesim.compare/1": one row for each run against A: its title and A's, live or stored, p.* of both
// that differ as "value | value", tokens_per_s.ratio with .lo and .hi, the verdict, and m.* of A and B side
// by side.
std::vector<FlatRow> comparison_rows(const std::vector<CompareResult>& results);

}  // namespace moesim
