#pragma once
// Private to this room: the charts of a sweep. `axes` are the names of its parameters, in order.

#include "page/page.h"
#include "report/sweep_analysis.h"

namespace moesim {

// What points are compared by, as sweeps print it.
struct SweepMetric {
  const char* name;  // in the record
  const char* title;
  const char* numbers;   // see page/options.h
  int better;            // 1: more is, −1: less is, 0: neither
  bool inverse = false;  // 1 over what the record has
};
inline constexpr SweepMetric kSweepMetrics[] = {
    {"m.tokens_per_s", "tokens/s", "short", 1},
    {"m.dense_same_active.ratio_to_moe", "vs same active", "plain", 1, true},
    {"m.dense_same_total.ratio_to_moe", "vs same total", "plain", 1, true},
    {"m.load_cv", "load CV", "plain", -1},
    {"m.max_violation", "MaxVio", "plain", -1},
    {"m.dropped_fraction", "dropped", "percent", -1},
    {"m.active_params", "active parameters", "short", -1},
    {"m.total_params", "total parameters", "short", 0},
    {"m.distinct_experts", "distinct experts", "plain", 0},
    {"m.limit_fraction.experts", "experts: share of the limit", "percent", 1}};

// NaN where the point has none.
double metric_value(const StoredPoint& point, const SweepMetric& metric);

// Those that some point has; of these, those that tell points apart, and tokens/s.
std::vector<SweepMetric> known_metrics(const SweepAnalysis& sweep);
std::vector<SweepMetric> telling_metrics(const SweepAnalysis& sweep);
std::vector<std::string> axes_of(const std::vector<StoredPoint>& points);
std::string axis_text(const StoredPoint& point, const std::string& axis);

// The values of an axis, numbers by size, others by name.
std::vector<std::string> values_of(const SweepAnalysis& sweep, const std::string& axis);

Chart parallel_chart(const SweepAnalysis& sweep, const std::vector<std::string>& axes);
Chart grid_chart(const SweepAnalysis& sweep, const std::vector<std::string>& axes);
Chart lines_chart(const SweepAnalysis& sweep, const std::vector<std::string>& axes);
Chart pareto_chart(const SweepAnalysis& sweep, const std::vector<std::string>& axes);
Chart shares_chart(const SweepAnalysis& sweep);

}  // namespace moesim
