#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "page/options.h"
#include "page/pages.h"
#include "page/stored_loads.h"
#include "page/sweep_charts.h"
#include "report/numbers.h"
#include "report/sweep_screen.h"

namespace moesim {
namespace {

constexpr std::size_t kMostPoints = 2000;

std::string best_in_words(const SweepAnalysis& sweep) {
  std::string text;
  for (std::size_t g = 0; g < sweep.best.size() && !sweep.points.empty(); ++g) {
    const StoredPoint& point = sweep.points[sweep.best[g]];
    const double value = number_in(point.record, kSweepGoals[g].name);
    if (std::isfinite(value)) {
      text += fmt::format("{} {}: {} with {}. ", kSweepGoals[g].more_is_better ? "Most" : "Lowest",
                          kSweepGoals[g].title, short_number(value), point_title(point.parameters));
    }
  }
  return text;
}

std::vector<FlatValue> row_of(const StoredPoint& point, const std::vector<std::string>& axes,
                              const std::vector<SweepMetric>& metrics) {
  std::vector<FlatValue> row;
  for (const std::string& axis : axes) {
    row.emplace_back(axis_text(point, axis));
  }
  row.emplace_back(word(point, "timing.verdict"));
  for (const SweepMetric& metric : metrics) {
    const FlatValue* value = find_value(point.record, metric.name);
    row.push_back(metric.inverse     ? options::known(metric_value(point, metric))
                  : value == nullptr ? FlatValue()
                                     : *value);
  }
  return row;
}

std::vector<std::string> columns_of(const std::vector<std::string>& axes,
                                    const std::vector<SweepMetric>& metrics) {
  std::vector<std::string> columns = axes;
  columns.emplace_back("timing");
  for (const SweepMetric& metric : metrics) {
    columns.emplace_back(metric.title);
  }
  return columns;
}

// How many points' times are not to be quoted; "" where all are.
std::string timing_badge(const SweepAnalysis& sweep) {
  const auto doubtful = std::count_if(sweep.points.begin(), sweep.points.end(), [](const StoredPoint& point) {
    const std::string verdict = word(point, "timing.verdict");
    return !verdict.empty() && verdict != "ok" && verdict != "not_timed";
  });
  return doubtful == 0
             ? ""
             : fmt::format("timing noisy at {} of {}", doubtful, counted(sweep.points.size(), "point"));
}

// The settings that all points share.
DataTable shared_settings(const SweepAnalysis& sweep) {
  DataTable table{{"name", "value"}, {}};
  for (const FlatEntry& entry : sweep.points.front().record) {
    const auto has_same = [&](const StoredPoint& point) {
      const FlatValue* value = find_value(point.record, entry.name);
      return value != nullptr && *value == entry.value;
    };
    if (entry.name.rfind("p.", 0) == 0 && std::all_of(sweep.points.begin(), sweep.points.end(), has_same)) {
      table.rows.push_back({entry.name, entry.value});
    }
  }
  return table;
}

Section repeat_section(const SweepAnalysis& sweep) {
  Section repeat{"repeat", "Repeat this", {}};
  if (sweep.points.empty()) {
    return repeat;
  }
  const StoredPoint& best = sweep.points[sweep.best.empty() ? 0 : sweep.best.front()];
  repeat.blocks.emplace_back(Paragraph{"The point with the most tokens/s alone:"});
  repeat.blocks.emplace_back(Command{best.again});
  repeat.blocks.emplace_back(NamedTable{"environment", "Environment of that point",
                                        rows_named(best.record, {"build.", "machine."}), true});
  repeat.blocks.emplace_back(
      NamedTable{"settings", "Settings that all points share", shared_settings(sweep), false});
  return repeat;
}

// The points that do best by a metric; none where all are alike.
DataTable best_by(const SweepAnalysis& sweep, const std::vector<std::string>& axes,
                  const std::vector<SweepMetric>& metrics, const SweepMetric& goal) {
  constexpr std::size_t kMostBest = 10;
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < sweep.points.size(); ++i) {
    const double value = metric_value(sweep.points[i], goal);
    if (std::isfinite(value)) {
      order.emplace_back(-goal.better * value, i);
    }
  }
  std::sort(order.begin(), order.end());
  DataTable table{columns_of(axes, metrics), {}};
  if (order.empty() || order.front().first == order.back().first) {
    return table;
  }
  order.resize(std::min(order.size(), kMostBest));
  for (const auto& [value, i] : order) {
    table.rows.push_back(row_of(sweep.points[i], axes, metrics));
  }
  return table;
}

// Of so many points that a browser would choke: those that nothing beats, the best, and others evenly chosen.
SweepAnalysis thinned(SweepAnalysis sweep) {
  const std::size_t all = sweep.points.size();
  if (all <= kMostPoints) {
    return sweep;
  }
  std::vector<bool> kept(all);
  std::size_t left = kMostPoints;
  const auto keep = [&](std::size_t i) {
    left -= left > 0 && !kept[i] ? 1 : 0;
    kept[i] = true;
  };
  for (const std::size_t i : sweep.best) {
    keep(i);
  }
  for (std::size_t i = 0; i < all && left > kMostPoints / 2; ++i) {
    if (sweep.pareto[i]) {
      keep(i);
    }
  }
  for (std::size_t n = 0, evenly = left; n < evenly; ++n) {
    keep(n * all / evenly);
  }
  std::size_t to = 0;
  for (std::size_t i = 0; i < all; ++i) {
    if (kept[i]) {
      sweep.pareto[to] = sweep.pareto[i];
      std::swap(sweep.points[to++], sweep.points[i]);
    }
  }
  sweep.points.resize(to);
  sweep.pareto.resize(to);
  return sweep;
}

DataTable failures_of(const SweepAnalysis& sweep) {
  DataTable table{{"point", "why it failed", "again"}, {}};
  for (const StoredPoint& point : sweep.failed) {
    table.rows.push_back({point_title(point.parameters), point.error, point.again});
  }
  return table;
}

}  // namespace

Page sweep_page(const std::string& title, const std::vector<StoredPoint>& points) {
  const std::vector<std::string> axes = axes_of(points);
  const SweepAnalysis whole = analyse_sweep(points, axes);
  Page page{title, best_in_words(whole), {counted(points.size(), "point")}, {}};
  if (!whole.failed.empty()) {
    page.badges.push_back(fmt::format("{} failed", whole.failed.size()));
  }
  if (const std::string timing = timing_badge(whole); !timing.empty()) {
    page.badges.push_back(timing);
  }
  const std::vector<SweepMetric> metrics = known_metrics(whole);
  Section best{"best", "Best points", {}};
  for (const SweepMetric& goal : metrics) {
    DataTable ranking = best_by(whole, axes, metrics, goal);
    if (goal.better != 0 && !ranking.rows.empty()) {
      best.blocks.emplace_back(
          NamedTable{fmt::format("best-{}", best.blocks.size()),
                     fmt::format("{} {}", goal.better > 0 ? "Highest" : "Lowest", goal.title),
                     std::move(ranking), best.blocks.empty()});
    }
  }
  const SweepAnalysis sweep = thinned(whole);
  Section overview{"overview", "All points", {}};
  if (sweep.points.size() < whole.points.size()) {
    overview.blocks.emplace_back(
        Paragraph{fmt::format("{} of {} points are drawn and listed from here on: those that no other point "
                              "beats, and others evenly "
                              "chosen. moesim export writes them all.",
                              with_commas(sweep.points.size()), with_commas(whole.points.size()))});
  }
  add_chart(overview, parallel_chart(sweep, axes));
  add_chart(overview, pareto_chart(sweep, axes));
  Section effects{"effects", "What the parameters do", {}};
  add_chart(effects, grid_chart(sweep, axes));
  add_chart(effects, lines_chart(sweep, axes));
  add_chart(effects, shares_chart(sweep));
  Section table{"points", "Points", {}};
  if (!sweep.points.empty()) {
    DataTable finished{columns_of(axes, metrics), {}};
    for (const StoredPoint& point : sweep.points) {
      finished.rows.push_back(row_of(point, axes, metrics));
    }
    table.blocks.emplace_back(NamedTable{"points-table", "Finished points", std::move(finished), true, true});
  }
  if (!sweep.failed.empty()) {
    table.blocks.emplace_back(NamedTable{"failures", "Failed points", failures_of(sweep), true});
  }
  Section repeat = repeat_section(whole);
  for (Section* section : {&best, &overview, &effects, &table, &repeat}) {
    add_section(page, std::move(*section));
  }
  return page;
}

}  // namespace moesim
