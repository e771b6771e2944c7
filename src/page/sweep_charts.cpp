#include "page/sweep_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "io/row_format.h"
#include "page/options.h"
#include "report/numbers.h"
#include "report/sweep_screen.h"

namespace moesim {
namespace {

using options::Json;

constexpr std::size_t kMostParallel = 11;  // axes that fit side by side

// The least and the largest value of any point; infinite the wrong way round where none has it.
std::pair<double, double> range_of(const SweepAnalysis& sweep, const SweepMetric& metric) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const StoredPoint& point : sweep.points) {
    const double value = metric_value(point, metric);
    if (std::isfinite(value)) {
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  return {low, high};
}

}  // namespace

std::vector<std::string> values_of(const SweepAnalysis& sweep, const std::string& axis) {
  std::vector<std::pair<double, std::string>> values;
  for (const StoredPoint& point : sweep.points) {
    const double size = number_in(point.parameters, axis);
    values.emplace_back(std::isfinite(size) ? size : std::numeric_limits<double>::max(),
                        axis_text(point, axis));
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  std::vector<std::string> names;
  for (const auto& [size, name] : values) {
    names.push_back(name);
  }
  return names;
}

double metric_value(const StoredPoint& point, const SweepMetric& metric) {
  const double value = number_in(point.record, metric.name);
  return metric.inverse ? 1 / value : value;
}

std::vector<SweepMetric> known_metrics(const SweepAnalysis& sweep) {
  std::vector<SweepMetric> metrics;
  std::copy_if(std::begin(kSweepMetrics), std::end(kSweepMetrics), std::back_inserter(metrics),
               [&](const SweepMetric& metric) {
                 const auto [low, high] = range_of(sweep, metric);
                 const bool of_experts = std::string_view(metric.name).ends_with("_params");
                 return low <= high && !(of_experts && routing_only(sweep.points));
               });
  return metrics;
}

std::vector<SweepMetric> telling_metrics(const SweepAnalysis& sweep) {
  std::vector<SweepMetric> metrics = known_metrics(sweep);
  std::erase_if(metrics, [&](const SweepMetric& metric) {
    const auto [low, high] = range_of(sweep, metric);
    return low == high && metric.name != std::string_view(kSweepMetrics[0].name);
  });
  return metrics;
}

std::vector<std::string> axes_of(const std::vector<StoredPoint>& points) {
  std::vector<std::string> axes;
  for (const StoredPoint& point : points) {
    for (const FlatEntry& entry : point.parameters) {
      if (std::find(axes.begin(), axes.end(), entry.name) == axes.end()) {
        axes.push_back(entry.name);
      }
    }
  }
  return axes;
}

std::string axis_text(const StoredPoint& point, const std::string& axis) {
  const FlatValue* value = find_value(point.parameters, axis);
  return value == nullptr ? "" : plain_text(*value);
}

Chart parallel_chart(const SweepAnalysis& sweep, const std::vector<std::string>& axes) {
  Chart chart{"parallel", "Every point at once", "", {}, {}, 380, true};
  std::vector<SweepMetric> metrics = telling_metrics(sweep);
  metrics.resize(std::min(metrics.size(), kMostParallel - std::min(kMostParallel - 1, axes.size())));
  if (sweep.points.size() < 2 || metrics.empty()) {
    return chart;
  }
  Json parallel = Json::array();
  for (const std::string& axis : axes) {
    parallel.push_back(
        {{"dim", parallel.size()}, {"name", axis}, {"type", "category"}, {"data", values_of(sweep, axis)}});
    chart.table.columns.push_back(axis);
  }
  for (const SweepMetric& metric : metrics) {
    parallel.push_back({{"dim", parallel.size()},
                        {"name", metric.title},
                        {"type", "value"},
                        {"scale", true},
                        {"numbers", metric.numbers}});
    chart.table.columns.emplace_back(metric.title);
  }
  Json data = Json::array();
  for (std::size_t i = 0; i < sweep.points.size(); ++i) {
    const StoredPoint& point = sweep.points[i];
    Json value = Json::array();
    std::vector<FlatValue> row;
    for (const std::string& axis : axes) {
      value.push_back(axis_text(point, axis));
      row.emplace_back(axis_text(point, axis));
    }
    for (const SweepMetric& metric : metrics) {
      const double number = metric_value(point, metric);
      value.push_back(options::or_null(number));
      row.push_back(options::known(number));
    }
    data.push_back({{"value", std::move(value)}, {"point", i}});
    chart.table.rows.push_back(std::move(row));
  }
  const Json option = {
      {"parallelAxis", std::move(parallel)},
      {"series", Json::array({{{"type", "parallel"}, {"name", "points"}, {"data", std::move(data)}}})}};
  chart.views.push_back({"", options::text(option)});
  chart.takeaway = fmt::format(
      "{}; drag along an axis to keep only some of them, here and everywhere below; click the axis "
      "beside the box to have all back.",
      counted(sweep.points.size(), "point"));
  return chart;
}

Chart pareto_chart(const SweepAnalysis& sweep, const std::vector<std::string>& axes) {
  Chart chart{"pareto", "Speed against balance", "", {}, {{}, {}}, 380, true};
  Json beaten = Json::array();
  Json best = Json::array();
  Json dense = Json::array();
  chart.table.columns = axes;
  for (const char* column : {"load CV", "tokens/s", "active parameters", "beaten by another point"}) {
    chart.table.columns.emplace_back(column);
  }
  double most = 0;
  for (const StoredPoint& point : sweep.points) {
    const double active = number_in(point.record, "m.active_params");
    most = std::isfinite(active) ? std::max(most, active) : most;
  }
  for (std::size_t i = 0; i < sweep.points.size(); ++i) {
    const StoredPoint& point = sweep.points[i];
    const double speed = number_in(point.record, "m.tokens_per_s");
    const double imbalance = number_in(point.record, "m.load_cv");
    const double active = number_in(point.record, "m.active_params");
    if (!(speed > 0) || !std::isfinite(imbalance)) {
      continue;
    }
    const double size = most > 0 && std::isfinite(active) ? 6 + 22 * std::sqrt(active / most) : 8;
    const Json item = {{"value", Json::array({imbalance, speed})},
                       {"name", point_title(point.parameters)},
                       {"symbolSize", size},
                       {"point", i}};
    (sweep.pareto[i] ? best : beaten).push_back(item);
    const double same_active = number_in(point.record, "m.dense_same_active.tokens_per_s");
    if (same_active > 0) {
      dense.push_back({{"value", Json::array({0, same_active})},
                       {"name", "dense_same_active of " + point_title(point.parameters)},
                       {"symbolSize", size},
                       {"point", i}});
    }
    std::vector<FlatValue> row;
    for (const std::string& axis : axes) {
      row.emplace_back(axis_text(point, axis));
    }
    row.insert(row.end(), {options::known(imbalance), options::known(speed), options::known(active),
                           FlatValue(!sweep.pareto[i])});
    chart.table.rows.push_back(std::move(row));
  }
  if (chart.table.rows.empty()) {
    return {"pareto", "", "", {}, {}};
  }
  const std::size_t unbeaten = best.size();
  Json nothing_beats = options::points("no other point beats it", std::move(best));
  nothing_beats["symbol"] = "diamond";
  Json dense_points = options::points("dense_same_active", std::move(dense));
  dense_points["symbol"] = "triangle";
  Json option =
      options::chart(options::value_axis("load CV (0: even)", "plain"), options::value_axis("tokens/s"),
                     Json::array({options::points("beaten in speed, balance and size", std::move(beaten)),
                                  std::move(dense_points), std::move(nothing_beats)}));
  chart.views.push_back({"", options::text(option)});
  chart.takeaway = fmt::format(
      "No other point beats {} of {} in tokens/s, load CV and active parameters; size: active parameters.",
      unbeaten, counted(sweep.points.size(), "point"));
  return chart;
}

Chart shares_chart(const SweepAnalysis& sweep) {
  Chart chart{"shares", "Which parameter matters", "", {}, {{"parameter", "of tokens/s", "of load CV"}, {}}};
  if (sweep.shares.empty()) {
    return chart;
  }
  std::vector<std::string> names;
  Json speed = Json::array();
  Json balance = Json::array();
  for (const AxisShare& share : sweep.shares) {
    names.push_back(share.axis);
    speed.push_back(share.throughput);
    balance.push_back(share.imbalance);
    chart.table.rows.push_back({share.axis, share.throughput, share.imbalance});
  }
  Json y_axis = options::category_axis("", names);
  y_axis["inverse"] = true;
  Json x_axis = options::value_axis("share of the variance between its values", "percent");
  x_axis["max"] = 1;
  chart.height = 120 + 50 * static_cast<int>(std::min<std::size_t>(names.size(), 12));
  chart.views.push_back(
      {"", options::text(options::chart(std::move(x_axis), std::move(y_axis),
                                        Json::array({options::bars("of log tokens/s", std::move(speed)),
                                                     options::bars("of load CV", std::move(balance))})))});
  chart.takeaway = fmt::format("Of all points: {} explains {} of the differences in throughput.",
                               names.front(), percent(sweep.shares.front().throughput));
  return chart;
}

}  // namespace moesim
