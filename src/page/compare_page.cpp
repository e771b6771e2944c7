#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "io/row_format.h"
#include "page/options.h"
#include "page/pages.h"
#include "page/stored_loads.h"
#include "report/numbers.h"
#include "report/sweep_analysis.h"

namespace moesim {
namespace {

using options::Json;

constexpr std::size_t kMostSamples = 2000;  // of a distribution
constexpr std::size_t kMostLayers = 64;     // to choose from

// What there is of a side beside its row: a comparison measured now brings it, stored runs have it in their
// stores.
struct Side {
  std::string name;                        // "A", "B", …
  std::vector<double> seconds;             // of a step
  std::vector<std::vector<double>> loads;  // [L][E]
};

std::string letter(std::size_t index) {
  return std::string(1, static_cast<char>('A' + static_cast<int>(index % 26)));
}

// The only point of a single run; nothing of a sweep.
std::vector<StoredPoint> only_point(const ResultStore& store) {
  std::vector<StoredPoint> points;
  store.for_each_point([&](const StoredPoint& point) { points.push_back(point); });
  return points.size() == 1 ? points : std::vector<StoredPoint>();
}

Side stored_side(const std::string& name, const std::string& folder) {
  Side side{name, {}, {}};
  const ResultStore store(folder, Database::Access::read);
  for (const StoredPoint& point : only_point(store)) {
    const StoredDetail detail = store.detail(point.id);
    for (const StoredTiming& timing : detail.timings) {
      if (timing.variant == "moe" && timing.repetition >= 0 && timing.seconds > 0) {
        side.seconds.push_back(timing.seconds);
      }
    }
    for (LayerLoads& layer : read_loads(point, detail).total) {
      side.loads.push_back(std::move(layer.routed));
    }
  }
  return side;
}

// Of a single comparison; of the points of two sweeps none.
std::vector<Side> sides_of(const std::vector<CompareResult>& results) {
  std::vector<Side> sides;
  if (results.size() != 1 || !results.front().parameters.empty()) {
    return sides;
  }
  for (std::size_t i = 0; i < results.front().entries.size(); ++i) {
    const Comparison& entry = results.front().entries[i];
    if (!results.front().live) {
      sides.push_back(stored_side(letter(i), entry.title));
      continue;
    }
    Side side{letter(i), entry.seconds, {}};
    for (const Counts& layer : entry.loads) {
      side.loads.emplace_back(layer.begin(), layer.end());
    }
    sides.push_back(std::move(side));
  }
  return sides;
}

// One comparison with A, of any point.
struct Pair {
  std::string name;
  const Comparison& a;
  const Comparison& b;
};

std::vector<Pair> pairs_of(const std::vector<CompareResult>& results) {
  std::vector<Pair> pairs;
  for (const CompareResult& result : results) {
    for (std::size_t i = 1; i < result.entries.size(); ++i) {
      pairs.push_back({result.parameters.empty() ? letter(i) : result.parameters, result.entries.front(),
                       result.entries[i]});
    }
  }
  return pairs;
}

// "B", or "the others" where A is compared with several.
std::string other_side(const std::vector<CompareResult>& results) {
  return results.front().entries.size() == 2 ? "B" : "each";
}

DataTable verdicts(const std::vector<CompareResult>& results) {
  DataTable table{{results.front().parameters.empty() ? "run" : "point", "tokens/s A",
                   "tokens/s " + other_side(results), "ratio", "low", "high", "verdict", "same routing"},
                  {}};
  for (const Pair& pair : pairs_of(results)) {
    const auto speed = [](const Comparison& side) {
      const FlatValue* value = find_value(side.record, "m.tokens_per_s");
      return value == nullptr ? FlatValue() : *value;
    };
    const Comparison& b = pair.b;
    const auto if_timed = [&](double value) { return b.timed ? FlatValue(value) : FlatValue(); };
    table.rows.push_back({pair.name, speed(pair.a), speed(b), if_timed(b.speed.ratio.median),
                          if_timed(b.speed.ratio.low), if_timed(b.speed.ratio.high),
                          b.timed ? FlatValue(std::string(speed_word(b.speed.speed))) : FlatValue(),
                          b.same_routing});
  }
  return table;
}

DataTable settings_of(const std::vector<CompareResult>& results) {
  DataTable table{{results.front().parameters.empty() ? "run" : "point", "setting", "A", other_side(results)},
                  {}};
  for (const Pair& pair : pairs_of(results)) {
    for (const Difference& difference : pair.b.settings) {
      table.rows.push_back({pair.name, difference.name, difference.a, difference.b});
    }
  }
  return table;
}

std::string speed_in_words(const std::vector<CompareResult>& results) {
  const std::vector<Pair> pairs = pairs_of(results);
  std::string text;
  if (results.size() > 1) {
    const auto count = [&](Speed speed) {
      return std::count_if(pairs.begin(), pairs.end(),
                           [&](const Pair& pair) { return pair.b.timed && pair.b.speed.speed == speed; });
    };
    text = fmt::format("Of {} B is faster at {} and slower at {}. At the first: ",
                       counted(pairs.size(), "point"), count(Speed::faster), count(Speed::slower));
  }
  const CompareResult& first = results.front();
  for (std::size_t i = 1; i < first.entries.size(); ++i) {
    const Comparison& b = first.entries[i];
    if (b.timed) {
      text +=
          fmt::format("{} reaches {:.3f} times A's tokens/s [{:.3f} .. {:.3f}]: {}. ", letter(i),
                      b.speed.ratio.median, b.speed.ratio.low, b.speed.ratio.high, speed_word(b.speed.speed));
    }
  }
  const Comparison& last = first.entries.back();
  if (!last.timed) {
    return "";
  }
  // Two runs were made at different times: the machine may have been faster at one of them.
  return text +
         (first.live ? ""
                     : "Each run is held against the yardstick it measured itself, so the ratio may "
                       "differ from that of the tokens/s. ") +
         fmt::format("A verdict needs an interval beyond 1 and a margin of {}.", percent(last.speed.margin));
}

Json mark_even() {
  return {{"data", Json::array({options::mark("xAxis", 1, "even")})}, {"symbol", "none"}};
}

Chart ratios_chart(const std::vector<CompareResult>& results) {
  const std::string over = results.front().entries.size() == 2 ? "of B over A" : "over A";
  Chart chart{"ratios", fmt::format("Tokens/s {}", over), "", {}, verdicts(results)};
  std::vector<std::string> names;
  Json medians = Json::array();
  Json intervals = Json::array();
  for (const Pair& pair : pairs_of(results)) {
    if (pair.b.timed) {
      names.push_back(pair.name);
      medians.push_back(Json::array({pair.b.speed.ratio.median, pair.name}));
      options::add_interval(intervals, pair.b.speed.ratio.low, pair.b.speed.ratio.high, pair.name);
    }
  }
  if (names.empty()) {
    return chart;
  }
  chart.height = 110 + 30 * static_cast<int>(std::min<std::size_t>(names.size(), 30));
  Json interval = options::intervals("95 % interval", std::move(intervals));
  interval["markLine"] = mark_even();
  Json x_axis = options::value_axis(fmt::format("tokens/s {}", over), "plain");
  x_axis["scale"] = true;
  Json median = options::points("median", std::move(medians));
  median["z"] = 3;  // above the interval
  chart.views.push_back(
      {"", options::text(options::chart(std::move(x_axis), options::rows_axis("", std::move(names)),
                                        Json::array({std::move(interval), std::move(median)})))});
  chart.takeaway = speed_in_words(results);
  return chart;
}

// The share of the samples that are at most so large; of very many some, evenly chosen, the last always.
Json distribution(const std::string& name, std::vector<double> samples, DataTable& table) {
  std::sort(samples.begin(), samples.end());
  Json data = Json::array();
  const std::size_t drawn = std::min(samples.size(), kMostSamples);
  for (std::size_t d = 0; d < drawn; ++d) {
    const std::size_t i = (d + 1) * samples.size() / drawn - 1;
    const double share = static_cast<double>(i + 1) / static_cast<double>(samples.size());
    data.push_back(Json::array({samples[i], share}));
    table.rows.push_back({name, samples[i], share});
  }
  Json line = options::line(name, std::move(data));
  line["step"] = "end";
  return line;
}

std::string distribution_option(const std::string& what, const std::string& numbers, const std::string& of,
                                Json series) {
  Json x_axis = options::value_axis(what, numbers);
  x_axis["scale"] = true;
  Json y_axis = options::value_axis(fmt::format("share of {}", of), "percent");
  y_axis["max"] = 1;
  return options::text(options::chart(std::move(x_axis), std::move(y_axis), std::move(series)));
}

// Steps of another number of tokens take another time.
bool same_tokens(const CompareResult& result) {
  return std::all_of(result.entries.begin(), result.entries.end(), [](const Comparison& entry) {
    return std::none_of(entry.settings.begin(), entry.settings.end(),
                        [](const Difference& d) { return d.name == "p.workload.tokens"; });
  });
}

Chart seconds_chart(const std::vector<Side>& sides, const CompareResult& result) {
  Chart chart{
      "seconds", "Seconds of a step", "", {}, {{"run", "seconds", "share of samples at most so long"}, {}}};
  Json series = Json::array();
  for (const Side& side : sides) {
    if (!side.seconds.empty()) {
      series.push_back(distribution(side.name, side.seconds, chart.table));
    }
  }
  if (series.size() < 2) {
    return chart;
  }
  chart.views.push_back({"", distribution_option("seconds of a MoE step", "seconds",
                                                 "samples at most so long", std::move(series))});
  chart.takeaway = result.live
                       ? "All samples, which the runs took in turns."
                       : "All samples of both runs; they were taken at different times, which the verdict "
                         "above allows for.";
  if (!same_tokens(result)) {
    chart.takeaway += " Their steps have different numbers of tokens; the verdict compares tokens/s.";
  }
  return chart;
}

// What the verdict of a comparison measured now is made of.
Chart paired_chart(const CompareResult& result) {
  Chart chart{"pairs",
              "Two rounds at a time",
              "",
              {},
              {{"run", "tokens/s over A's", "share of pairs at most so high"}, {}}};
  Json series = Json::array();
  std::size_t faster = 0;
  for (std::size_t i = 1; i < result.entries.size(); ++i) {
    const std::vector<double>& ratios = result.entries[i].ratios;
    if (!ratios.empty() && result.entries[i].timed) {
      series.push_back(distribution(letter(i), ratios, chart.table));
      faster += i == 1 ? static_cast<std::size_t>(std::count_if(ratios.begin(), ratios.end(),
                                                                [](double ratio) { return ratio > 1; }))
                       : 0;
    }
  }
  if (series.empty()) {
    return chart;
  }
  series[0]["markLine"] = mark_even();
  chart.views.push_back({"", distribution_option("tokens/s over A's, of two rounds that mirror each other",
                                                 "plain", "pairs at most so high", std::move(series))});
  chart.takeaway = fmt::format("B was faster than A in {} of {} of rounds.", faster,
                               counted(result.entries[1].ratios.size(), "pair"));
  return chart;
}

double sum_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

bool same_shape(const Side& a, const Side& b) {
  return a.loads.size() == b.loads.size() &&
         std::equal(a.loads.begin(), a.loads.end(), b.loads.begin(), [](const auto& x, const auto& y) {
           return x.size() == y.size() && sum_of(x) > 0 && sum_of(y) > 0;
         });
}

Chart loads_chart(const std::vector<Side>& sides) {
  Chart chart{"load-difference",
              sides.size() == 2 ? "Load per expert, B less A" : "Load per expert, less A's",
              "",
              {},
              {{"run", "layer", "expert", "share A", "share", "difference"}, {}}};
  double largest = 0;
  std::string where;
  const std::size_t layers = sides.empty() ? 0 : std::min(kMostLayers, sides.front().loads.size());
  for (std::size_t l = 0; l < layers; ++l) {
    const std::vector<double>& x = sides.front().loads[l];
    if (x.size() > options::kMostExperts) {
      return {"load-difference", "", "", {}, {}};
    }
    Json series = Json::array();
    for (std::size_t i = 1; i < sides.size(); ++i) {
      if (!same_shape(sides.front(), sides[i])) {
        continue;
      }
      const std::vector<double>& y = sides[i].loads[l];
      Json data = Json::array();
      for (std::size_t e = 0; e < x.size(); ++e) {
        const double of_a = x[e] / sum_of(x);
        const double of_b = y[e] / sum_of(y);
        data.push_back(of_b - of_a);
        chart.table.rows.push_back({sides[i].name, static_cast<std::int64_t>(l), static_cast<std::int64_t>(e),
                                    of_a, of_b, of_b - of_a});
        if (std::abs(of_b - of_a) > std::abs(largest)) {
          largest = of_b - of_a;
          where = fmt::format("expert {}{} gets {} of the choices in A and {} in {}", e,
                              sides.front().loads.size() == 1 ? "" : fmt::format(" of layer {}", l),
                              percent(of_a), percent(of_b), sides[i].name);
        }
      }
      series.push_back(options::bars(sides.size() == 2 ? "difference" : sides[i].name, std::move(data)));
    }
    if (series.empty()) {
      continue;
    }
    Json option =
        options::chart(options::category_axis("expert", options::expert_names(x.size())),
                       options::value_axis("share of the choices, less A's", "percent"), std::move(series));
    option["tooltip"] = {{"trigger", "axis"}};
    chart.views.push_back(
        {sides.front().loads.size() == 1 ? "" : fmt::format("layer {}", l), options::text(option)});
  }
  chart.takeaway = where.empty() ? "Every expert is chosen as often."
                                 : fmt::format("Above 0: chosen more often than in A. At most: {}.", where);
  if (!sides.empty() && layers < sides.front().loads.size()) {
    chart.takeaway += fmt::format(" The first {} of {} layers.", layers, sides.front().loads.size());
  }
  return chart;
}

// The rows of all sides whose names begin so, side by side.
DataTable side_by_side(const CompareResult& result, const std::vector<std::string>& beginnings) {
  DataTable table{{"name"}, {}};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < result.entries.size(); ++i) {
    table.columns.push_back(letter(i));
    for (const FlatEntry& entry : result.entries[i].record) {
      const bool wanted =
          std::any_of(beginnings.begin(), beginnings.end(),
                      [&](const std::string& beginning) { return entry.name.rfind(beginning, 0) == 0; });
      if (wanted && std::find(names.begin(), names.end(), entry.name) == names.end()) {
        names.push_back(entry.name);
      }
    }
  }
  for (const std::string& name : names) {
    std::vector<FlatValue> row = {name};
    for (const Comparison& entry : result.entries) {
      const FlatValue* value = find_value(entry.record, name);
      row.push_back(value == nullptr ? FlatValue() : *value);
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string title_of(const CompareResult& result) {
  std::string title;
  for (std::size_t i = 1; i < result.entries.size(); ++i) {
    const std::string& side = result.entries[i].title;
    title += (title.empty() ? "" : ", ") + (result.live ? side : folder_title(side));
  }
  const std::string& a = result.entries.front().title;
  return fmt::format("{} against {}", title, result.live ? a : folder_title(a));
}

}  // namespace

Page compare_page(const std::vector<CompareResult>& results, const std::string& again) {
  const CompareResult& first = results.front();
  Page page{title_of(first), "", {}, {}};
  for (std::size_t i = 0; i < first.entries.size(); ++i) {
    page.badges.push_back(letter(i) + ": " + first.entries[i].title);
  }
  if (first.live) {
    page.badges.push_back(
        fmt::format("measured in turns, {}", counted(static_cast<std::uint64_t>(first.rounds), "round")));
  }
  const std::vector<Side> sides = sides_of(results);
  Section verdict{"verdict", "Verdict", {}};
  Chart ratios = ratios_chart(results);
  page.verdict = ratios.takeaway.empty() ? "The runs were not timed on both sides." : ratios.takeaway;
  page.verdict += first.interrupted ? " Stopped by Ctrl-C before its time." : "";
  add_chart(verdict, std::move(ratios));
  verdict.blocks.emplace_back(NamedTable{"verdicts", "Point by point", verdicts(results), true});
  verdict.blocks.emplace_back(NamedTable{"differences", "Settings that differ", settings_of(results), true});
  Section detail{"detail", "In detail", {}};
  add_chart(detail, paired_chart(first));
  add_chart(detail, seconds_chart(sides, first));
  add_chart(detail, loads_chart(sides));
  add_words(detail, options::too_many_experts(sides.empty() || sides.front().loads.empty()
                                                  ? 0
                                                  : sides.front().loads.front().size()));
  if (!sides.empty()) {
    detail.blocks.emplace_back(NamedTable{"metrics", "All results", side_by_side(first, {"m."}), false});
  }
  Section repeat{"repeat", "Repeat this", {}};
  repeat.blocks.emplace_back(Command{again});
  if (!sides.empty()) {
    // A live comparison judges its times itself: its records have no verdict of their own.
    std::vector<std::string> environment = {"build.", "machine.", "measure."};
    if (!first.live) {
      environment.emplace_back("timing.");
    }
    repeat.blocks.emplace_back(
        NamedTable{"environment", "Environment", side_by_side(first, environment), true});
  }
  for (Section* section : {&verdict, &detail, &repeat}) {
    add_section(page, std::move(*section));
  }
  return page;
}

}  // namespace moesim
