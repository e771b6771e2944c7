// How long it took: throughput, parameters, stages, workers.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "page/options.h"
#include "page/run_charts.h"
#include "report/numbers.h"

namespace moesim {
namespace {

using options::Json;

// Variants in the order of the table on the screen.
constexpr const char* kVariants[] = {"moe", "dense_same_active", "dense_same_total", "dense_same_flops",
                                     "dense_same_time"};
constexpr const char* kStages[] = {"gate", "route", "plan", "dispatch", "experts", "combine", "norm"};

std::string prefix_of(const std::string& variant) {
  return variant == "moe" ? "m." : "m." + variant + ".";
}

struct Drawn {
  std::string name;
  double median, low, high;     // tokens/s; NaN: not of this variant
  double gflops, step_seconds;  // medians
};

// Variants that were measured, the yardstick behind them.
std::vector<Drawn> measured_variants(const StoredPoint& point) {
  std::vector<Drawn> variants;
  const auto read = [&](const std::string& name) {
    const std::string prefix = prefix_of(name);
    return Drawn{name,
                 number(point, prefix + "tokens_per_s"),
                 number(point, prefix + "tokens_per_s.lo"),
                 number(point, prefix + "tokens_per_s.hi"),
                 number(point, prefix + "gflops"),
                 number(point, prefix + "step_seconds")};
  };
  for (const char* name : kVariants) {
    if (Drawn drawn = read(name); drawn.median > 0) {
      variants.push_back(std::move(drawn));
    }
  }
  Drawn yardstick = read("yardstick");
  yardstick.median = yardstick.low = yardstick.high = std::nan("");  // its tokens are not the workload's
  if (!variants.empty() && yardstick.gflops > 0 && yardstick.step_seconds > 0) {
    variants.push_back(std::move(yardstick));
  }
  return variants;
}

// What a step of `seconds` reaches; NaN where the record does not say.
double tokens_rate(double tokens, const Drawn& variant, double seconds) {
  return variant.median > 0 ? tokens / seconds : std::nan("");
}
double gflops_rate(const Drawn& variant, double seconds) {
  return variant.gflops * variant.step_seconds / seconds;
}

// Every sample, the medians and their intervals on an axis of rates.
template <class Rate>
ChartView strip_view(const std::string& unit, double Drawn::*median_rate, const std::vector<Drawn>& variants,
                     const StoredDetail& detail, const Rate& rate) {
  std::vector<std::string> names;
  Json samples = Json::array();
  Json warm_ups = Json::array();
  Json intervals = Json::array();
  Json medians = Json::array();
  for (const Drawn& variant : variants) {
    const double median = variant.*median_rate;
    if (!(median > 0)) {
      continue;
    }
    names.push_back(variant.name);
    for (const StoredTiming& timing : detail.timings) {
      if (timing.variant == variant.name && timing.seconds > 0) {
        (timing.repetition < 0 ? warm_ups : samples)
            .push_back(Json::array({rate(variant, timing.seconds), variant.name}));
      }
    }
    if (variant.low > 0 && variant.high > 0) {
      intervals.push_back(Json::array({median * variant.low / variant.median, variant.name}));
      intervals.push_back(Json::array({median * variant.high / variant.median, variant.name}));
      intervals.push_back(Json::array({nullptr, variant.name}));
    }
    medians.push_back(Json::array({median, variant.name}));
  }
  Json interval = options::line("95 % interval", std::move(intervals));
  interval["lineStyle"] = {{"width", 6}, {"opacity", 0.5}};
  Json median = options::points("median", std::move(medians));
  median["symbol"] = "diamond";
  median["symbolSize"] = 14;
  Json warm_up = options::points("warm-up", std::move(warm_ups));
  warm_up["itemStyle"] = {{"color", "#999999"}};
  warm_up["symbol"] = "triangle";
  Json y_axis = options::category_axis("", std::move(names));
  y_axis["inverse"] = true;
  return {unit, options::text(options::chart(
                    options::value_axis(unit), std::move(y_axis),
                    Json::array({std::move(interval), options::points("sample", std::move(samples)),
                                 std::move(median), std::move(warm_up)})))};
}

DataTable samples_table(double tokens, const std::vector<Drawn>& variants, const StoredDetail& detail) {
  DataTable table{{"variant", "round", "tokens/s", "GFLOP/s", "counted"}, {}};
  for (const Drawn& variant : variants) {
    for (const StoredTiming& timing : detail.timings) {
      if (timing.variant == variant.name && timing.seconds > 0) {
        const bool warm_up = timing.repetition < 0;
        table.rows.push_back({variant.name,
                              warm_up ? FlatValue(std::string("warm-up")) : FlatValue(timing.repetition),
                              options::known(tokens_rate(tokens, variant, timing.seconds)),
                              options::known(gflops_rate(variant, timing.seconds)), !warm_up});
      }
    }
  }
  return table;
}

}  // namespace

Chart throughput_chart(const StoredPoint& point, const StoredDetail& detail) {
  Chart chart{"throughput", "Throughput", "", {}, {}, 0};
  const std::vector<Drawn> variants = measured_variants(point);
  const double tokens = number(point, "p.workload.tokens");
  if (variants.empty() || !(tokens > 0)) {
    return chart;
  }
  chart.table = samples_table(tokens, variants, detail);
  chart.views.push_back(strip_view(
      "tokens/s", &Drawn::median, variants, detail,
      [&](const Drawn& variant, double seconds) { return tokens_rate(tokens, variant, seconds); }));
  if (variants.front().gflops * variants.front().step_seconds > 0) {
    chart.views.push_back(strip_view("GFLOP/s", &Drawn::gflops, variants, detail, gflops_rate));
  }
  chart.height = 120 + 50 * static_cast<int>(variants.size());
  const Drawn& moe = variants.front();
  chart.takeaway = moe.name == "moe"
                       ? fmt::format("The MoE handles {} tokens/s [{} .. {}].", short_number(moe.median),
                                     short_number(moe.low), short_number(moe.high))
                       : "";
  for (const Drawn& variant : variants) {
    const double ratio = number(point, prefix_of(variant.name) + "ratio_to_moe");
    if (ratio > 0) {
      chart.takeaway += fmt::format(" {}: {:.2f} times that.", variant.name, ratio);
    }
  }
  return chart;
}

Chart parameters_chart(const StoredPoint& point) {
  Chart chart{"parameters", "Parameters of a layer", "", {}, {{"what", "parameters"}, {}}, 200};
  const double total = number(point, "m.total_params");
  const double active = number(point, "m.active_params");
  if (!(total > 0) || !(active >= 0)) {
    return chart;
  }
  std::vector<std::string> names = {"total", "active per token"};
  Json values = Json::array({total, active});
  for (const char* dense : {"dense_same_active", "dense_same_total", "dense_same_flops", "dense_same_time"}) {
    const double params = number(point, prefix_of(dense) + "total_params");
    if (params > 0) {
      names.emplace_back(dense);
      values.push_back(params);
    }
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    chart.table.rows.push_back({names[i], values[i].get<double>()});
  }
  chart.height = 80 + 34 * static_cast<int>(names.size());
  Json y_axis = options::category_axis("", std::move(names));
  y_axis["inverse"] = true;
  chart.takeaway = fmt::format("{} of {} parameters work for a token: {}.", short_number(active),
                               short_number(total), percent(active / total));
  chart.views.push_back(
      {"", options::text(options::chart(options::value_axis("parameters"), std::move(y_axis),
                                        Json::array({options::bars("parameters", std::move(values))})))});
  return chart;
}

Chart stages_chart(const StoredPoint& point) {
  Chart chart{"stages",
              "Where the time goes",
              "",
              {},
              {{"stage", "seconds", "share of its limit", "bound by", "predicted seconds"}, {}},
              190};
  Json series = Json::array();
  double all = 0;
  std::string longest;
  double most = 0;
  for (const char* stage : kStages) {
    const double seconds = number(point, std::string("m.seconds.") + stage);
    if (!(seconds >= 0)) {
      continue;
    }
    all += seconds;
    longest = seconds > most ? stage : longest;
    most = std::max(most, seconds);
    series.push_back(options::bars(stage, Json::array({seconds}), "step"));
    const auto known = [&](const std::string& prefix) {
      const double value = number(point, prefix + stage);
      return std::isfinite(value) ? FlatValue(value) : FlatValue();
    };
    chart.table.rows.push_back({std::string(stage), seconds, known("m.limit_fraction."),
                                word(point, std::string("m.limit_bound.") + stage),
                                known("m.predicted_seconds.")});
  }
  if (!(all > 0)) {
    return {"stages", "", "", {}, {}};
  }
  Json option = options::chart(options::value_axis("seconds of one MoE step", "seconds"),
                               options::category_axis("", {"step"}), std::move(series));
  option["tooltip"] = {{"trigger", "axis"}};
  chart.views.push_back({"", options::text(option)});
  chart.takeaway = fmt::format("Stage {}: {} of the step.", longest, percent(most / all));
  const double limit = number(point, "m.limit_fraction." + longest);
  if (std::isfinite(limit)) {
    chart.takeaway += fmt::format(" It ran at {} of this machine's own limit ({}).", percent(limit),
                                  word(point, "m.limit_bound." + longest));
  }
  return chart;
}

Chart timeline_chart(const StoredDetail& detail) {
  constexpr std::size_t kMostSpans = 4000;
  Chart chart{"timeline", "Workers during one step", "", {}, {{"worker", "stage", "begin s", "end s"}, {}}};
  std::vector<std::string> stages;
  std::vector<Json> spans;
  std::int64_t threads = 0;
  double end = 0;
  double busy = 0;
  for (const StoredSpan& span : detail.spans) {
    if (span.thread < 0 || span.thread > 1023 || !(span.end_s >= span.begin_s) || !(span.begin_s >= 0)) {
      continue;
    }
    auto stage = std::find(stages.begin(), stages.end(), span.stage);
    if (stage == stages.end()) {
      if (stages.size() >= 16) {
        continue;
      }
      stages.push_back(span.stage);
      spans.push_back(Json::array());
      stage = stages.end() - 1;
    }
    if (chart.table.rows.size() < kMostSpans) {
      const std::string worker = fmt::format("worker {}", span.thread);
      Json& of = spans[static_cast<std::size_t>(stage - stages.begin())];
      of.push_back(Json::array({span.begin_s, worker}));
      of.push_back(Json::array({span.end_s, worker}));
      of.push_back(Json::array({nullptr, worker}));
      chart.table.rows.push_back({span.thread, span.stage, span.begin_s, span.end_s});
    }
    threads = std::max(threads, span.thread + 1);
    end = std::max(end, span.end_s);
    busy += span.end_s - span.begin_s;
  }
  if (chart.table.rows.empty() || !(end > 0)) {
    return {"timeline", "", "", {}, {}};
  }
  Json series = Json::array();
  for (std::size_t i = 0; i < stages.size(); ++i) {
    Json bar = options::line(stages[i].empty() ? "other" : stages[i], std::move(spans[i]));
    bar["lineStyle"] = {{"width", 16}, {"cap", "butt"}};
    series.push_back(std::move(bar));
  }
  std::vector<std::string> workers;
  for (std::int64_t t = 0; t < threads; ++t) {
    workers.push_back(fmt::format("worker {}", t));
  }
  Json y_axis = options::category_axis("", std::move(workers));
  y_axis["inverse"] = true;
  Json option = options::chart(options::value_axis("time since the step began", "seconds"), std::move(y_axis),
                               std::move(series));
  option["dataZoom"] = Json::array({{{"type", "inside"}}});
  chart.views.push_back({"", options::text(option)});
  chart.height = 140 + 32 * static_cast<int>(std::min<std::int64_t>(threads, 32));
  chart.takeaway =
      fmt::format("{} at work {} of the {} this step took; drag or scroll to zoom.",
                  counted(static_cast<std::uint64_t>(threads), "worker"),
                  percent(std::min(1.0, busy / (end * static_cast<double>(threads)))), short_seconds(end));
  return chart;
}

}  // namespace moesim
