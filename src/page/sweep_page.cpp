#include <fmt/format.h>

#include <cmath>

#include "page/pages.h"
#include "page/sweep_charts.h"
#include "report/numbers.h"
#include "report/sweep_screen.h"

namespace moesim {
namespace {

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

DataTable table_of(const SweepAnalysis& sweep, const std::vector<std::string>& axes) {
  DataTable table{axes, {}};
  for (const SweepMetric& metric : kSweepMetrics) {
    table.columns.emplace_back(metric.title);
  }
  table.columns.emplace_back("timing");
  for (const StoredPoint& point : sweep.points) {
    std::vector<FlatValue> row;
    for (const std::string& axis : axes) {
      row.emplace_back(axis_text(point, axis));
    }
    for (const SweepMetric& metric : kSweepMetrics) {
      const FlatValue* value = find_value(point.record, metric.name);
      row.push_back(value == nullptr ? FlatValue() : *value);
    }
    const FlatValue* verdict = find_value(point.record, "timing.verdict");
    row.push_back(verdict == nullptr ? FlatValue() : *verdict);
    table.rows.push_back(std::move(row));
  }
  return table;
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
  const SweepAnalysis sweep = analyse_sweep(points, axes);
  Page page{title, best_in_words(sweep), {counted(points.size(), "point")}, {}};
  if (!sweep.failed.empty()) {
    page.badges.push_back(fmt::format("{} failed", sweep.failed.size()));
  }
  Section overview{"overview", "All points", {}};
  add_chart(overview, parallel_chart(sweep, axes));
  add_chart(overview, pareto_chart(sweep, axes));
  Section effects{"effects", "What the parameters do", {}};
  add_chart(effects, grid_chart(sweep, axes));
  add_chart(effects, lines_chart(sweep, axes));
  add_chart(effects, shares_chart(sweep));
  Section table{"points", "Points", {}};
  if (!sweep.points.empty()) {
    table.blocks.emplace_back(
        NamedTable{"points-table", "Finished points", table_of(sweep, axes), true, true});
  }
  if (!sweep.failed.empty()) {
    table.blocks.emplace_back(NamedTable{"failures", "Failed points", failures_of(sweep), true});
  }
  for (Section* section : {&overview, &effects, &table}) {
    if (!section->blocks.empty()) {
      page.sections.push_back(std::move(*section));
    }
  }
  return page;
}

}  // namespace moesim
