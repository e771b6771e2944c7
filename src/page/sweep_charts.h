#pragma once
// Private to this room: the charts of a sweep. `axes` are the names of its parameters, in order.

#include "page/page.h"
#include "report/sweep_analysis.h"

namespace moesim {

// What points are compared by, as sweeps print it.
struct SweepMetric {
  const char* name;  // in the record
  const char* title;
  const char* numbers;  // see page/options.h
};
inline constexpr SweepMetric kSweepMetrics[] = {{"m.tokens_per_s", "tokens/s", "short"},
                                                {"m.load_cv", "load CV", "plain"},
                                                {"m.max_violation", "MaxVio", "plain"},
                                                {"m.dropped_fraction", "dropped", "percent"},
                                                {"m.active_params", "active parameters", "short"},
                                                {"m.total_params", "total parameters", "short"}};

std::vector<std::string> axes_of(const std::vector<StoredPoint>& points);
std::string axis_text(const StoredPoint& point, const std::string& axis);

Chart parallel_chart(const SweepAnalysis& sweep, const std::vector<std::string>& axes);
Chart grid_chart(const SweepAnalysis& sweep, const std::vector<std::string>& axes);
Chart lines_chart(const SweepAnalysis& sweep, const std::vector<std::string>& axes);
Chart pareto_chart(const SweepAnalysis& sweep, const std::vector<std::string>& axes);
Chart shares_chart(const SweepAnalysis& sweep);

}  // namespace moesim
