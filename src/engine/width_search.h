#pragma once
// Private to this room: which dense width takes the time of a Mixture-of-Experts layer? Pure functions; what
// measures is engine/same_time.h.

#include <functional>
#include <optional>
#include <vector>

#include "core/shape.h"
#include "experts/weight_type.h"
#include "metrics/parameters.h"

namespace moesim {

// Hidden widths that may be tried: multiples of `step` from `step` to `widest`.
struct WidthRange {
  Index step = 1;
  Index widest = 1;
};

// The nearest of them.
Index nearest_width(const WidthRange& range, double width);

struct WidthTrial {
  Index width = 0;
  double ratio = 0;  // seconds of the dense stack over those of the MoE, side by side; geometric mean
  int times = 0;     // how often it was measured
};

struct WidthSearch {
  Index first = 1;  // where to begin
  WidthRange range;
  int most_trials = 10;     // repeated ones counted
  double tolerance = 0.01;  // |ratio − 1| of the width looked for
  int confirmations = 3;    // and how often it must have been measured: once may be luck
};

// Measures one width; nothing ends the search (no time left, or stopped).
using TimeRatio = std::function<std::optional<double>(Index width)>;

// Finds the width whose ratio is 1, taking time as nearly a straight line in the width: in proportion from
// the first trial, then by secants through the trials nearest to 1, kept between trials on either side of it.
// A width within the tolerance is measured again until it is confirmed or its mean falls out of it. Returns
// the widths in the order they were first tried.
std::vector<WidthTrial> search_width(const WidthSearch& search, const TimeRatio& time_ratio);

// The trial nearest to a ratio of 1, in proportion; there must be one.
const WidthTrial& closest_trial(const std::vector<WidthTrial>& trials);

// What a run keeps room for, known before anything is measured: twice the width that would take the MoE's
// time on a good processor (200 GFLOP/s, 20 GB/s of weights), and 4 MiB of weights of all layers for what
// small ones cost beside their products.
struct WidthPlan {
  const LayerShape& shape;
  LayerCost moe;               // of one layer
  double routing_seconds = 0;  // of one layer, for a step
  Index tokens = 0;
  WeightType weight_type = WeightType::float32;
};
WidthRange widths_to_try(const WidthPlan& plan);

}  // namespace moesim
