#pragma once
// What a sweep says as a whole: the best points, the ones nothing beats, the parameters that mattered.

#include <string>
#include <vector>

#include "store/result_store.h"

namespace moesim {

// A metric and which way is better.
struct Goal {
  const char* name;   // in the record: "m.tokens_per_s"
  const char* title;  // "tokens/s"
  bool more_is_better;
};
extern const Goal kSweepGoals[3];  // throughput, balance, active parameters

struct AxisShare {
  std::string axis;  // "a + b": axes that advance together, which no point tells apart
  // Share of the variance over the points that lies between these values: 1 when nothing else matters.
  // Of the logarithm for throughput, so that ratios count.
  double throughput = 0;
  double imbalance = 0;  // of m.load_cv
};

struct SweepAnalysis {
  std::vector<StoredPoint> points;  // finished ones, by place
  std::vector<StoredPoint> failed;
  // No other point is at least as good in all goals and better in one; where there are no parameters, in the
  // other goals.
  std::vector<bool> pareto;
  std::vector<std::size_t> best;  // of each goal, an index into points
  std::vector<AxisShare> shares;  // axes with more than one value, by throughput
};

SweepAnalysis analyse_sweep(const std::vector<StoredPoint>& points, const std::vector<std::string>& axes);

// Whether no experts ran at any of these finished points: they have no parameters.
bool routing_only(const std::vector<StoredPoint>& points);

// A number of the record; NaN when it has none.
double number_in(const FlatRow& record, const std::string& name);

}  // namespace moesim
