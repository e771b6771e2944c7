// What the parameters of a sweep do: a grid of two of them, lines along one.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include "page/options.h"
#include "page/sweep_charts.h"

namespace moesim {
namespace {

using options::Json;

constexpr std::size_t kMostLines = 16;

// router.top_k: top_k.
std::string short_name(const std::string& axis) {
  return axis.substr(axis.rfind('.') + 1);
}

std::size_t place_in(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
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

// The points of a sweep in lines along its first axis: one for each combination of the others' values.
struct SweepLines {
  std::vector<std::string> axes;                 // that vary
  std::vector<std::vector<std::string>> values;  // [axes] in order
  struct Line {
    std::string name;
    std::vector<std::size_t> points;  // of the sweep
  };
  std::vector<Line> lines;
};

SweepLines lines_of(const SweepAnalysis& sweep, const std::vector<std::string>& axes) {
  SweepLines all{grid_axes(sweep, axes), {}, {}};
  for (const std::string& axis : all.axes) {
    all.values.push_back(values_of(sweep, axis));
  }
  std::map<std::vector<std::size_t>, std::vector<std::size_t>> points_at;  // by places on the other axes
  for (std::size_t p = 0; p < sweep.points.size(); ++p) {
    std::vector<std::size_t> places;
    for (std::size_t i = 1; i < all.axes.size(); ++i) {
      places.push_back(place_in(all.values[i], axis_text(sweep.points[p], all.axes[i])));
    }
    points_at[places].push_back(p);
  }
  for (auto& [places, points] : points_at) {
    std::string name;
    for (std::size_t i = 1; i < all.axes.size(); ++i) {
      name += fmt::format("{}{}={}", name.empty() ? "" : " ", short_name(all.axes[i]),
                          all.values[i][places[i - 1]]);
    }
    all.lines.push_back({std::move(name), std::move(points)});
  }
  return all;
}

// A line with its interval: two invisible lines, the space between them filled.
void add_line(const SweepAnalysis& sweep, const SweepLines& all, const SweepLines::Line& line,
              const SweepMetric& metric, Json& series, DataTable& table) {
  const std::vector<std::string>& across = all.values.front();
  std::vector<Json> values(across.size()), lows(across.size()), bands(across.size());
  bool has_band = false;
  for (const std::size_t p : line.points) {
    const StoredPoint& point = sweep.points[p];
    const std::size_t place = place_in(across, axis_text(point, all.axes.front()));
    const double value = metric_value(point, metric);
    double low = number_in(point.record, std::string(metric.name) + ".lo");
    double high = number_in(point.record, std::string(metric.name) + ".hi");
    if (metric.inverse) {
      std::tie(low, high) = std::pair(1 / high, 1 / low);
    }
    const auto of_point = [p](double number) {
      return Json{{"value", options::or_null(number)}, {"point", p}};
    };
    values[place] = of_point(value);
    lows[place] = of_point(low);
    bands[place] = of_point(high - low);
    has_band = has_band || std::isfinite(high - low);
    table.rows.push_back({std::string(metric.title), line.name, across[place], options::known(value),
                          options::known(low), options::known(high)});
  }
  const std::string shown = line.name.empty() ? metric.title : line.name;
  Json drawn = options::line(shown, std::move(values));
  drawn["showSymbol"] = true;
  series.push_back(std::move(drawn));
  if (has_band) {
    const std::string stack = "band " + std::to_string(series.size());
    const auto add_edge = [&](std::vector<Json> heights, const char* which) {
      Json edge = options::line(shown, std::move(heights));
      edge["band"] = which;
      edge["stack"] = stack;
      series.push_back(std::move(edge));
    };
    add_edge(std::move(lows), "from");
    add_edge(std::move(bands), "to");
  }
}

}  // namespace

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
  for (const SweepMetric& metric : telling_metrics(sweep)) {
    struct Cell {
      double sum = 0;
      Json of = Json::array();  // [point, value]
    };
    std::map<std::pair<std::size_t, std::size_t>, Cell> cells;
    for (std::size_t i = 0; i < sweep.points.size(); ++i) {
      const StoredPoint& point = sweep.points[i];
      const double value = metric_value(point, metric);
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
  const SweepLines all = lines_of(sweep, axes);
  Chart chart{"lines", "", "", {}, {}, 320, true};
  if (all.axes.empty()) {
    return chart;
  }
  const std::string& along = all.axes.front();
  const std::size_t lines = std::min(all.lines.size(), kMostLines);
  chart.title = fmt::format("Along {}", along);
  chart.height = lines > 6 ? 400 : 320;
  chart.table.columns = {"metric", "line", along, "value", "low", "high"};
  for (const SweepMetric& metric : telling_metrics(sweep)) {
    Json series = Json::array();
    for (std::size_t l = 0; l < lines; ++l) {
      add_line(sweep, all, all.lines[l], metric, series, chart.table);
    }
    chart.views.push_back(
        {metric.title, options::text(options::chart(options::category_axis(along, all.values.front()),
                                                    options::value_axis(metric.title, metric.numbers),
                                                    std::move(series)))});
  }
  chart.takeaway = all.lines.size() == 1 ? "Shaded: 95 % interval."
                   : lines < all.lines.size()
                       ? fmt::format(
                             "The first {} of {} combinations of the other parameters; shaded: 95 % "
                             "intervals.",
                             lines, all.lines.size())
                       : "One line for each combination of the other parameters; shaded: 95 % intervals.";
  return chart;
}

}  // namespace moesim
