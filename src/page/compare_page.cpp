#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "page/options.h"
#include "page/pages.h"
#include "page/stored_loads.h"
#include "report/numbers.h"
#include "report/sweep_analysis.h"

namespace moesim {
namespace {

using options::Json;

struct Side {
  StoredPoint point;
  StoredDetail detail;
};

// The only point of a single run; nothing of a sweep.
std::vector<Side> only_point(const std::string& folder) {
  const ResultStore store(folder, Database::Access::read);
  std::vector<Side> sides;
  store.for_each_point([&](const StoredPoint& point) { sides.push_back({point, {}}); });
  if (sides.size() != 1) {
    return {};
  }
  sides.front().detail = store.detail(sides.front().point.id);
  return sides;
}

std::string name_of(const CompareResult& result) {
  return result.parameters.empty() ? "B" : result.parameters;
}

DataTable verdicts(const std::vector<CompareResult>& results) {
  DataTable table{{"point", "tokens/s A", "tokens/s B", "ratio", "low", "high", "verdict", "same routing"},
                  {}};
  for (const CompareResult& result : results) {
    const Comparison& a = result.entries.front();
    const Comparison& b = result.entries.back();
    const auto speed = [](const Comparison& side) {
      const FlatValue* value = find_value(side.record, "m.tokens_per_s");
      return value == nullptr ? FlatValue() : *value;
    };
    const auto if_timed = [&](double value) { return b.timed ? FlatValue(value) : FlatValue(); };
    table.rows.push_back({name_of(result), speed(a), speed(b), if_timed(b.speed.ratio.median),
                          if_timed(b.speed.ratio.low), if_timed(b.speed.ratio.high),
                          b.timed ? FlatValue(std::string(speed_word(b.speed.speed))) : FlatValue(),
                          b.same_routing});
  }
  return table;
}

DataTable settings_of(const std::vector<CompareResult>& results) {
  DataTable table{{"point", "setting", "A", "B"}, {}};
  for (const CompareResult& result : results) {
    for (const Difference& difference : result.entries.back().settings) {
      table.rows.push_back({name_of(result), difference.name, difference.a, difference.b});
    }
  }
  return table;
}

Chart ratios_chart(const std::vector<CompareResult>& results) {
  Chart chart{"ratios", "Tokens/s of B over A", "", {}, verdicts(results)};
  std::vector<std::string> names;
  Json medians = Json::array();
  Json intervals = Json::array();
  for (const CompareResult& result : results) {
    const Comparison& b = result.entries.back();
    if (!b.timed) {
      continue;
    }
    const std::string name = name_of(result);
    names.push_back(name);
    medians.push_back(Json::array({b.speed.ratio.median, name}));
    intervals.push_back(Json::array({b.speed.ratio.low, name}));
    intervals.push_back(Json::array({b.speed.ratio.high, name}));
    intervals.push_back(Json::array({nullptr, name}));
  }
  if (names.empty()) {
    return chart;
  }
  chart.height = 110 + 30 * static_cast<int>(std::min<std::size_t>(names.size(), 30));
  Json interval = options::line("95 % interval", std::move(intervals));
  interval["lineStyle"] = {{"width", 6}, {"opacity", 0.5}};
  interval["markLine"] = {{"data", Json::array({options::mark("xAxis", 1, "even")})}, {"symbol", "none"}};
  Json x_axis = options::value_axis("tokens/s of B over A", "plain");
  x_axis["scale"] = true;
  Json y_axis = options::category_axis("", std::move(names));
  y_axis["inverse"] = true;
  chart.views.push_back(
      {"", options::text(options::chart(
               std::move(x_axis), std::move(y_axis),
               Json::array({std::move(interval), options::points("median", std::move(medians))})))});
  const Comparison& first = results.front().entries.back();
  chart.takeaway = first.timed
                       ? fmt::format(
                             "B {}: {:.3f} times A's tokens/s [{:.3f} .. {:.3f}]; a verdict needs an "
                             "interval beyond 1 and a margin of {}.",
                             speed_word(first.speed.speed), first.speed.ratio.median, first.speed.ratio.low,
                             first.speed.ratio.high, percent(first.speed.margin))
                       : "";
  return chart;
}

Chart seconds_chart(const std::vector<Side>& a, const std::vector<Side>& b) {
  Chart chart{
      "seconds", "Seconds of a step", "", {}, {{"run", "seconds", "share of samples at most so long"}, {}}};
  Json series = Json::array();
  for (const auto& [name, sides] : {std::pair("A", &a), std::pair("B", &b)}) {
    std::vector<double> seconds;
    for (const StoredTiming& timing :
         sides->empty() ? std::vector<StoredTiming>() : sides->front().detail.timings) {
      if (timing.variant == "moe" && timing.repetition >= 0 && timing.seconds > 0) {
        seconds.push_back(timing.seconds);
      }
    }
    std::sort(seconds.begin(), seconds.end());
    Json data = Json::array();
    for (std::size_t i = 0; i < seconds.size(); ++i) {
      const double share = static_cast<double>(i + 1) / static_cast<double>(seconds.size());
      data.push_back(Json::array({seconds[i], share}));
      chart.table.rows.push_back({std::string(name), seconds[i], share});
    }
    if (!data.empty()) {
      Json line = options::line(name, std::move(data));
      line["step"] = "end";
      series.push_back(std::move(line));
    }
  }
  if (series.size() < 2) {
    return chart;
  }
  Json x_axis = options::value_axis("seconds of a MoE step", "seconds");
  x_axis["scale"] = true;
  Json y_axis = options::value_axis("share of samples at most so long", "percent");
  y_axis["max"] = 1;
  chart.views.push_back(
      {"", options::text(options::chart(std::move(x_axis), std::move(y_axis), std::move(series)))});
  chart.takeaway =
      "All samples of both runs; they were taken at different times, which the verdict above allows for.";
  return chart;
}

Chart loads_chart(const std::vector<Side>& a, const std::vector<Side>& b) {
  Chart chart{"load-difference",
              "Load per expert, B less A",
              "",
              {},
              {{"layer", "expert", "share A", "share B", "difference"}, {}}};
  if (a.empty() || b.empty()) {
    return chart;
  }
  const StoredLoads left = read_loads(a.front().point, a.front().detail);
  const StoredLoads right = read_loads(b.front().point, b.front().detail);
  if (left.experts != right.experts || left.layers != right.layers) {
    return chart;
  }
  for (std::size_t l = 0; l < left.total.size(); ++l) {
    const std::vector<double>& x = left.total[l].routed;
    const std::vector<double>& y = right.total[l].routed;
    double sum_x = 0;
    double sum_y = 0;
    for (std::size_t e = 0; e < std::min(x.size(), y.size()); ++e) {
      sum_x += x[e];
      sum_y += y[e];
    }
    if (!(sum_x > 0) || !(sum_y > 0)) {
      continue;
    }
    std::vector<std::string> names;
    Json data = Json::array();
    for (std::size_t e = 0; e < x.size(); ++e) {
      const double difference = y[e] / sum_y - x[e] / sum_x;
      names.push_back(fmt::format("e{}", e));
      data.push_back(difference);
      chart.table.rows.push_back({static_cast<std::int64_t>(l), static_cast<std::int64_t>(e), x[e] / sum_x,
                                  y[e] / sum_y, difference});
    }
    Json option = options::chart(options::category_axis("expert", std::move(names)),
                                 options::value_axis("share of the tokens, B less A", "percent"),
                                 Json::array({options::bars("difference", std::move(data))}));
    option["tooltip"] = {{"trigger", "axis"}};
    chart.views.push_back({left.total.size() == 1 ? "" : fmt::format("layer {}", l), options::text(option)});
  }
  chart.takeaway = "Above 0: chosen more often in B.";
  return chart;
}

}  // namespace

Page compare_page(const std::vector<CompareResult>& results, const std::string& folder_a,
                  const std::string& folder_b) {
  Page page{fmt::format("{} against {}", folder_title(folder_b), folder_title(folder_a)),
            "",
            {"A: " + folder_a, "B: " + folder_b},
            {}};
  const std::vector<Side> a = only_point(folder_a);
  const std::vector<Side> b = only_point(folder_b);
  Section verdict{"verdict", "Verdict", {}};
  Chart ratios = ratios_chart(results);
  page.verdict = ratios.takeaway.empty() ? "The runs were not timed on both sides." : ratios.takeaway;
  add_chart(verdict, std::move(ratios));
  verdict.blocks.emplace_back(NamedTable{"verdicts", "Point by point", verdicts(results), true});
  verdict.blocks.emplace_back(NamedTable{"differences", "Settings that differ", settings_of(results), true});
  Section detail{"detail", "In detail", {}};
  add_chart(detail, seconds_chart(a, b));
  add_chart(detail, loads_chart(a, b));
  page.sections.push_back(std::move(verdict));
  if (!detail.blocks.empty()) {
    page.sections.push_back(std::move(detail));
  }
  return page;
}

}  // namespace moesim
