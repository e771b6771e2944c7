#pragma once
// The table and the paragraph a person reads after a sweep.

#include <set>
#include <string>

#include "engine/sweep.h"
#include "report/screen.h"
#include "report/sweep_analysis.h"

namespace moesim {

std::string render_sweep(const SweepAnalysis& analysis, const std::vector<std::string>& axes,
                         const ScreenStyle& style);

// What there is and what is left to do; `finished` are the points that do not run again, by id.
std::string render_sweep_plan(const SweepPlan& plan, const std::set<std::string>& finished);

// How far a call of a sweep is.
struct SweepPace {
  std::size_t place = 0;   // of the point that runs, from 0
  std::size_t points = 0;  // in all
  std::size_t ran = 0;     // finished in this call
  double ran_s = 0;        // what they took
  double planned_ran_s = 0;
  double running_s = 0;       // of the point that runs, so far
  double planned_left_s = 0;  // of the point that runs and those after it
};
// What is left takes as much longer or shorter than planned as what ran already.
double seconds_left(const SweepPace& pace);
double share_done(const SweepPace& pace);  // 0..1, of the seconds of this call
// "point 3/12, 2.9 s a point, about 26 s left"
std::string render_pace(const SweepPace& pace);

// One finished point in a line.
std::string render_point(const SweepPoint& point, std::size_t points, const StoredPoint& result);

// "layer.num_experts=4 router.top_k=2".
std::string point_title(const FlatRow& parameters);

}  // namespace moesim
