#pragma once
// The table and the paragraph a person reads after a sweep.

#include <string>

#include "engine/sweep.h"
#include "report/screen.h"
#include "report/sweep_analysis.h"

namespace moesim {

std::string render_sweep(const SweepAnalysis& analysis, const std::vector<std::string>& axes,
                         const ScreenStyle& style);

// "sweep  …: 12 points = layer.num_experts{4,8} × …, 2 excluded, 1 merged; about 40 s".
std::string render_sweep_plan(const SweepPlan& plan, std::size_t finished);

// One finished point in a line.
std::string render_point(const SweepPoint& point, std::size_t points, const StoredPoint& result);

// "layer.num_experts=4 router.top_k=2".
std::string point_title(const FlatRow& parameters);

}  // namespace moesim
