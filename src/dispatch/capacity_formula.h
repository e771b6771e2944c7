#pragma once
// Private to this room: the formulas alone, before minimum and multiple.

#include "dispatch/capacity.h"

namespace moesim {

// Where huge products stop: no machine holds so many rows, and rounding up from here still fits an Index.
constexpr Index kMostRows = Index{1} << 62;

// At most kMostRows; arguments as capacity_for has checked them.
Index formula_rows(const CapacityRule& rule, const CapacityDemand& demand);

}  // namespace moesim
