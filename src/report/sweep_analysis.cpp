#include "report/sweep_analysis.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

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

bool beats(const StoredPoint& a, const StoredPoint& b, bool parameters) {
  bool better = false;
  for (const Goal& goal : kSweepGoals) {
    if (!parameters && &goal == &kSweepGoals[2]) {
      continue;
    }
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

// "" where the axis has no effect.
std::string value_at(const StoredPoint& point, const std::string& axis) {
  const FlatValue* value = find_value(point.parameters, axis);
  return value == nullptr ? "" : plain_text(*value);
}

// Whether two axes advance together (`sweep.zip`) or cannot be told apart by these points: their values come
// in fixed pairs, but for points at which one of the two has no effect.
bool advance_together(const std::string& a, const std::string& b, const std::vector<StoredPoint>& points) {
  std::map<std::string, std::set<std::string>> of_a;
  std::map<std::string, std::set<std::string>> of_b;
  std::set<std::pair<std::string, std::string>> pairs;  // where both have an effect
  for (const StoredPoint& point : points) {
    const std::string x = value_at(point, a);
    const std::string y = value_at(point, b);
    of_a[x].insert(y);
    of_b[y].insert(x);
    if (!x.empty() && !y.empty()) {
      pairs.emplace(x, y);
    }
  }
  std::set<std::string> seen_a;
  std::set<std::string> seen_b;
  for (const auto& [x, y] : pairs) {
    if (!seen_a.insert(x).second || !seen_b.insert(y).second) {
      return false;
    }
  }
  const auto determines = [](const std::map<std::string, std::set<std::string>>& others) {
    return std::all_of(others.begin(), others.end(),
                       [](const auto& other) { return other.second.size() == 1; });
  };
  return pairs.size() > 1 && (determines(of_a) || determines(of_b));
}

std::vector<std::vector<std::string>> axes_together(const std::vector<std::string>& axes,
                                                    const std::vector<StoredPoint>& points) {
  std::vector<std::vector<std::string>> groups;
  for (const std::string& axis : axes) {
    const auto group = std::find_if(groups.begin(), groups.end(), [&](const std::vector<std::string>& g) {
      return advance_together(g.front(), axis, points);
    });
    if (group == groups.end()) {
      groups.push_back({axis});
    } else {
      group->push_back(axis);
    }
  }
  return groups;
}

AxisShare share_of(const std::vector<std::string>& axes, const std::vector<StoredPoint>& points,
                   std::size_t& values) {
  Groups throughput;
  Groups imbalance;
  for (const StoredPoint& point : points) {
    std::string group;
    for (const std::string& axis : axes) {
      group += value_at(point, axis) + '\n';
    }
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
  std::string name;
  for (const std::string& axis : axes) {
    name += (name.empty() ? "" : " + ") + axis;
  }
  return {name, share_between(throughput), share_between(imbalance)};
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

bool routing_only(const std::vector<StoredPoint>& points) {
  return !points.empty() && std::all_of(points.begin(), points.end(), [](const StoredPoint& point) {
    const FlatValue* execute = find_value(point.record, "p.execute");
    return execute != nullptr && plain_text(*execute) == "false";
  });
}

SweepAnalysis analyse_sweep(const std::vector<StoredPoint>& points, const std::vector<std::string>& axes) {
  SweepAnalysis analysis;
  for (const StoredPoint& point : points) {
    (point.status == PointStatus::done ? analysis.points : analysis.failed).push_back(point);
  }
  const bool parameters = !routing_only(analysis.points);
  for (const StoredPoint& point : analysis.points) {
    analysis.pareto.push_back(
        std::none_of(analysis.points.begin(), analysis.points.end(),
                     [&](const StoredPoint& other) { return beats(other, point, parameters); }));
  }
  for (const Goal& goal : kSweepGoals) {
    const auto best = std::max_element(
        analysis.points.begin(), analysis.points.end(),
        [&](const StoredPoint& a, const StoredPoint& b) { return merit(a, goal) < merit(b, goal); });
    analysis.best.push_back(static_cast<std::size_t>(best - analysis.points.begin()));
  }
  for (const std::vector<std::string>& group : axes_together(axes, analysis.points)) {
    std::size_t values = 0;
    const AxisShare share = share_of(group, analysis.points, values);
    if (values > 1) {
      analysis.shares.push_back(share);
    }
  }
  std::stable_sort(analysis.shares.begin(), analysis.shares.end(),
                   [](const AxisShare& a, const AxisShare& b) { return a.throughput > b.throughput; });
  return analysis;
}

}  // namespace moesim
