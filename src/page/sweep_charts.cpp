#include "page/sweep_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "io/row_format.h"
#include "page/options.h"
#include "report/numbers.h"
#include "report/sweep_screen.h"

namespace moesim {
namespace {

using options::Json;

constexpr std::size_t kMostLines = 16;

Json or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}
FlatValue known(double value) {
  return std::isfinite(value) ? FlatValue(value) : FlatValue();
}

// The values of an axis, numbers by size, others by name.
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

std::size_t place_in(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

bool is_known_anywhere(const SweepAnalysis& sweep, const SweepMetric& metric) {
  return std::any_of(sweep.points.begin(), sweep.points.end(), [&](const StoredPoint& point) {
    return std::isfinite(number_in(point.record, metric.name));
  });
}

// The two axes a grid is drawn over: experts and top-k where they vary, else the first two.
std::vector<std::string> grid_axes(const SweepAnalysis& sweep, const std::vector<std::string>& axes) {
  std::vector<std::string> varying;
  for (const std::string& axis : axes) {
    if (values_of(sweep, axis).size() > 1) {
      varying.push_back(axis);
    }
  }
  std::stable_partition(varying.begin(), varying.end(), [](const std::string& axis) {
    return axis == "layer.num_experts" || axis == "router.top_k";
  });
  return varying;
}

}  // namespace

std::vector<SweepMetric> known_metrics(const SweepAnalysis& sweep) {
  std::vector<SweepMetric> metrics;
  std::copy_if(std::begin(kSweepMetrics), std::end(kSweepMetrics), std::back_inserter(metrics),
               [&](const SweepMetric& metric) { return is_known_anywhere(sweep, metric); });
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
  const std::vector<SweepMetric> metrics = known_metrics(sweep);
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
      const double number = number_in(point.record, metric.name);
      value.push_back(or_null(number));
      row.push_back(known(number));
    }
    data.push_back({{"value", std::move(value)}, {"point", i}});
    chart.table.rows.push_back(std::move(row));
  }
  const Json option = {
      {"parallelAxis", std::move(parallel)},
      {"series", Json::array({{{"type", "parallel"}, {"name", "points"}, {"data", std::move(data)}}})}};
  chart.views.push_back({"", options::text(option)});
  chart.takeaway = fmt::format("{}; drag along an axis to keep only some of them, here and everywhere below.",
                               counted(sweep.points.size(), "point"));
  return chart;
}

Chart grid_chart(const SweepAnalysis& sweep, const std::vector<std::string>& axes) {
  const std::vector<std::string> grid = grid_axes(sweep, axes);
  Chart chart{"grid", "", "", {}, {}, 320, true};
  if (grid.size() < 2) {
    return chart;
  }
  chart.title = fmt::format("{} and {}", grid[0], grid[1]);
  const std::vector<std::string> across = values_of(sweep, grid[0]);
  const std::vector<std::string> down = values_of(sweep, grid[1]);
  chart.table.columns = {"metric", grid[0], grid[1], "mean", "points"};
  for (const SweepMetric& metric : known_metrics(sweep)) {
    struct Cell {
      double sum = 0;
      Json of = Json::array();  // [point, value]
    };
    std::map<std::pair<std::size_t, std::size_t>, Cell> cells;
    for (std::size_t i = 0; i < sweep.points.size(); ++i) {
      const StoredPoint& point = sweep.points[i];
      const double value = number_in(point.record, metric.name);
      if (std::isfinite(value)) {
        Cell& cell =
            cells[{place_in(across, axis_text(point, grid[0])), place_in(down, axis_text(point, grid[1]))}];
        cell.sum += value;
        cell.of.push_back(Json::array({i, value}));
      }
    }
    Json data = Json::array();
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (auto& [place, cell] : cells) {
      const auto count = static_cast<std::int64_t>(cell.of.size());
      const double mean = cell.sum / static_cast<double>(count);
      low = std::min(low, mean);
      high = std::max(high, mean);
      data.push_back({{"value", Json::array({place.first, place.second, mean})}, {"of", std::move(cell.of)}});
      chart.table.rows.push_back(
          {std::string(metric.title), across[place.first], down[place.second], mean, count});
    }
    if (!data.empty()) {
      chart.views.push_back(
          {metric.title, options::text(options::heat_map(
                             options::category_axis(grid[0], across), options::category_axis(grid[1], down),
                             std::move(data), low, high, metric.numbers, metric.title))});
    }
  }
  chart.takeaway = "Mean over the points of a cell.";
  return chart;
}

Chart lines_chart(const SweepAnalysis& sweep, const std::vector<std::string>& axes) {
  const std::vector<std::string> varying = grid_axes(sweep, axes);
  Chart chart{"lines", "", "", {}, {}, 320, true};
  if (varying.empty()) {
    return chart;
  }
  const std::vector<std::string> across = values_of(sweep, varying.front());
  chart.title = fmt::format("Along {}", varying.front());
  chart.table.columns = {"metric", "line", varying.front(), "value", "low", "high"};
  for (const SweepMetric& metric : known_metrics(sweep)) {
    std::map<std::string, std::vector<std::size_t>> lines;  // by all other axes
    for (std::size_t p = 0; p < sweep.points.size(); ++p) {
      const StoredPoint& point = sweep.points[p];
      std::string name;
      for (std::size_t i = 1; i < varying.size(); ++i) {
        name += fmt::format("{}{}={}", name.empty() ? "" : " ", varying[i], axis_text(point, varying[i]));
      }
      lines[name].push_back(p);
    }
    Json series = Json::array();
    for (const auto& [name, points] : lines) {
      if (series.size() >= 2 * kMostLines) {
        break;
      }
      std::vector<Json> values(across.size()), lows(across.size()), bands(across.size());
      bool has_band = false;
      for (const std::size_t p : points) {
        const StoredPoint& point = sweep.points[p];
        const std::size_t place = place_in(across, axis_text(point, varying.front()));
        const double value = number_in(point.record, metric.name);
        const double low = number_in(point.record, std::string(metric.name) + ".lo");
        const double high = number_in(point.record, std::string(metric.name) + ".hi");
        const auto of_point = [p](double number) { return Json{{"value", or_null(number)}, {"point", p}}; };
        values[place] = of_point(value);
        lows[place] = of_point(low);
        bands[place] = of_point(high - low);
        has_band = has_band || std::isfinite(high - low);
        chart.table.rows.push_back(
            {std::string(metric.title), name, across[place], known(value), known(low), known(high)});
      }
      const std::string shown = name.empty() ? metric.title : name;
      Json line = options::line(shown, values);
      line["showSymbol"] = true;
      series.push_back(std::move(line));
      if (has_band) {
        // Two invisible lines, the space between them filled.
        Json low = options::line(shown, lows);
        low["band"] = "from";
        low["stack"] = "band " + std::to_string(series.size());
        Json band = options::line(shown, bands);
        band["band"] = "to";
        band["stack"] = low["stack"];
        series.push_back(std::move(low));
        series.push_back(std::move(band));
      }
    }
    Json option = options::chart(options::category_axis(varying.front(), across),
                                 options::value_axis(metric.title, metric.numbers), std::move(series));
    chart.views.push_back({metric.title, options::text(option)});
  }
  chart.takeaway = varying.size() > 1
                       ? "One line for each combination of the other parameters; shaded: 95 % intervals."
                       : "Shaded: 95 % interval.";
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
    row.insert(row.end(), {known(imbalance), known(speed), known(active), FlatValue(!sweep.pareto[i])});
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
                                  std::move(nothing_beats), std::move(dense_points)}));
  chart.views.push_back({"", options::text(option)});
  chart.takeaway = fmt::format(
      "{} of {} no other point beats in tokens/s, load CV and active parameters; size: active parameters.",
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
