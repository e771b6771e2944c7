#include "report/sweep_analysis.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "io/row_format.h"

namespace moesim {

const Goal kSweepGoals[3] = {{"m.tokens_per_s", "tokens/s", true},
                             {"m.load_cv", "load CV", false},
                             {"m.active_params", "active parameters", false}};

namespace {

// Larger is better, whatever the goal; an unknown value is worst.
double merit(const StoredPoint& point, const Goal& goal) {
  const double value = number_in(point.record, goal.name);
  return std::isnan(value) ? -std::numeric_limits<double>::infinity() : goal.more_is_better ? value : -value;
}

bool beats(const StoredPoint& a, const StoredPoint& b) {
  bool better = false;
  for (const Goal& goal : kSweepGoals) {
    const double mine = merit(a, goal);
    const double other = merit(b, goal);
    if (mine < other) {
      return false;
    }
    better = better || mine > other;
  }
  return better;
}

// Variance between groups over total variance.
double share_between(const std::map<std::string, std::vector<double>>& groups) {
  double count = 0;
  double sum = 0;
  for (const auto& [value, members] : groups) {
    for (const double x : members) {
      sum += x;
      count += 1;
    }
  }
  const double mean = count > 0 ? sum / count : 0;
  double total = 0;
  double between = 0;
  for (const auto& [value, members] : groups) {
    double group_sum = 0;
    for (const double x : members) {
      group_sum += x;
      total += (x - mean) * (x - mean);
    }
    const double size = static_cast<double>(members.size());
    between += size * (group_sum / size - mean) * (group_sum / size - mean);
  }
  return total > 0 ? between / total : 0;
}

using Groups = std::map<std::string, std::vector<double>>;

AxisShare share_of(const std::string& axis, const std::vector<StoredPoint>& points, std::size_t& values) {
  Groups throughput;
  Groups imbalance;
  for (const StoredPoint& point : points) {
    const FlatValue* value = find_value(point.parameters, axis);
    const std::string group = value == nullptr ? "" : plain_text(*value);
    const double rate = number_in(point.record, "m.tokens_per_s");
    const double cv = number_in(point.record, "m.load_cv");
    if (rate > 0) {
      throughput[group].push_back(std::log(rate));
    }
    if (!std::isnan(cv)) {
      imbalance[group].push_back(cv);
    }
  }
  values = std::max(throughput.size(), imbalance.size());
  return {axis, share_between(throughput), share_between(imbalance)};
}

}  // namespace

double number_in(const FlatRow& record, const std::string& name) {
  const FlatValue* value = find_value(record, name);
  if (value != nullptr && std::holds_alternative<double>(*value)) {
    return std::get<double>(*value);
  }
  if (value != nullptr && std::holds_alternative<std::int64_t>(*value)) {
    return static_cast<double>(std::get<std::int64_t>(*value));
  }
  return std::numeric_limits<double>::quiet_NaN();
}

SweepAnalysis analyse_sweep(const std::vector<StoredPoint>& points, const std::vector<std::string>& axes) {
  SweepAnalysis analysis;
  for (const StoredPoint& point : points) {
    (point.status == PointStatus::done ? analysis.points : analysis.failed).push_back(point);
  }
  for (const StoredPoint& point : analysis.points) {
    analysis.pareto.push_back(std::none_of(analysis.points.begin(), analysis.points.end(),
                                           [&](const StoredPoint& other) { return beats(other, point); }));
  }
  for (const Goal& goal : kSweepGoals) {
    const auto best = std::max_element(
        analysis.points.begin(), analysis.points.end(),
        [&](const StoredPoint& a, const StoredPoint& b) { return merit(a, goal) < merit(b, goal); });
    analysis.best.push_back(static_cast<std::size_t>(best - analysis.points.begin()));
  }
  for (const std::string& axis : axes) {
    std::size_t values = 0;
    const AxisShare share = share_of(axis, analysis.points, values);
    if (values > 1) {
      analysis.shares.push_back(share);
    }
  }
  std::stable_sort(analysis.shares.begin(), analysis.shares.end(),
                   [](const AxisShare& a, const AxisShare& b) { return a.throughput > b.throughput; });
  return analysis;
}

}  // namespace moesim
