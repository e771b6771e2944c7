// What controllers made of the load: courses, where they ended, at what price, and by which biases.

#include "page/loop_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "page/options.h"
#include "report/numbers.h"

namespace moesim {
namespace {

using options::Json;
using options::kMostExperts;
using options::known;
using options::or_null;

constexpr std::size_t kMostPlaces = 400;   // of a line; so that all its numbers fit the table
constexpr std::size_t kSingleSteps = 100;  // of a longer loop, the first ones: the controllers act there
constexpr std::size_t kColours = 8;        // of web/chart.js
constexpr std::size_t kLastSteps = 50;     // see BalanceSummary
constexpr const char* kMaxVio = "MaxVio: busiest expert over its fair share, less 1";

struct LoopMetric {
  const char* name;
  const char* axis;
  double BalanceStep::*field;
};
constexpr LoopMetric kMetrics[] = {
    {"MaxVio", kMaxVio, &BalanceStep::max_violation},
    {"MinVio", "MinVio: 1 less the idlest expert over its fair share", &BalanceStep::min_violation},
    {"dead experts", "experts without a token", &BalanceStep::dead_experts},
    {"score", "scores of a token's experts, summed", &BalanceStep::gate_mass},
    {"experts a token", "experts of a token, mean", &BalanceStep::experts_per_token},
    {"computing experts a token", "experts of a token that compute something, mean",
     &BalanceStep::real_experts_per_token}};

// Steps that are one place of a line: their mean is drawn.
struct Window {
  std::size_t from, to;  // both included
};

std::vector<Window> windows_of(std::size_t steps) {
  std::vector<Window> windows;
  const std::size_t single = steps <= kMostPlaces ? steps : kSingleSteps;
  for (std::size_t step = 0; step < single; ++step) {
    windows.push_back({step, step});
  }
  const std::size_t places = kMostPlaces - kSingleSteps;
  for (std::size_t i = 0; i < places && single < steps; ++i) {
    windows.push_back(
        {single + (steps - single) * i / places, single + (steps - single) * (i + 1) / places - 1});
  }
  return windows;
}

double mean_of(const BalanceCourse& course, double BalanceStep::*field, const Window& window) {
  double sum = 0;
  for (std::size_t step = window.from; step <= window.to; ++step) {
    sum += course.steps[step].*field;
  }
  return sum / static_cast<double>(window.to - window.from + 1);
}

// A metric that never moves has nothing to show; MaxVio always has.
bool moves(const BalanceRecord& record, const LoopMetric& metric) {
  const double first = record.courses.front().steps.front().*metric.field;
  return metric.field == &BalanceStep::max_violation ||
         std::any_of(record.courses.begin(), record.courses.end(), [&](const BalanceCourse& course) {
           return std::any_of(course.steps.begin(), course.steps.end(),
                              [&](const BalanceStep& step) { return step.*metric.field != first; });
         });
}

bool has_steps(const BalanceRecord& record) {
  return !record.courses.empty() &&
         std::all_of(record.courses.begin(), record.courses.end(), [&](const BalanceCourse& course) {
           return !course.steps.empty() && course.steps.size() == record.courses.front().steps.size();
         });
}

// Colours come again after eight: then lines differ by their dashes.
Json course_line(const std::string& name, std::size_t place, Json data) {
  constexpr const char* kDashes[] = {"solid", "dashed", "dotted"};
  Json line = options::line(name, std::move(data));
  line["lineStyle"] = {{"type", kDashes[place / kColours % 3]}};
  return line;
}

Json course_option(const LoopMetric& metric, bool logarithmic, const std::vector<std::string>& names,
                   const std::vector<Window>& windows, const BalanceRecord& record) {
  Json series = Json::array();
  for (std::size_t c = 0; c < names.size(); ++c) {
    Json data = Json::array();
    for (const Window& window : windows) {
      const double value = mean_of(record.courses[c], metric.field, window);
      data.push_back(Json::array({static_cast<double>(window.from + window.to) / 2,
                                  logarithmic && !(value > 0) ? Json(nullptr) : or_null(value)}));
    }
    series.push_back(course_line(names[c], c, std::move(data)));
  }
  if (metric.field == &BalanceStep::max_violation && record.noise_floor.max_violation.p95 > 0) {
    series[0]["markLine"] = {
        {"data",
         Json::array({options::mark("yAxis", record.noise_floor.max_violation.p95, "chance (95 %)")})},
        {"symbol", "none"}};
  }
  Json option = options::chart(
      options::value_axis("step", "plain"),
      logarithmic ? options::log_axis(metric.axis, "plain") : options::value_axis(metric.axis, "plain"),
      std::move(series));
  option["tooltip"] = {{"trigger", "axis"}};
  return option;
}

std::vector<BalanceSummary> summaries_of(const BalanceRecord& record) {
  std::vector<BalanceSummary> summaries;
  for (const BalanceCourse& course : record.courses) {
    summaries.push_back(summarise_course(course.steps));
  }
  return summaries;
}

// The controller that is first below MaxVio 0.5; 0: none ever is.
std::size_t fastest(const std::vector<BalanceSummary>& summaries) {
  std::size_t first = 0;
  for (std::size_t c = 1; c < summaries.size(); ++c) {
    if (summaries[c].first_below_half &&
        (first == 0 || *summaries[c].first_below_half < *summaries[first].first_below_half)) {
      first = c;
    }
  }
  return first;
}

Json controllers_axis(const std::vector<std::string>& names) {
  return options::rows_axis("controller", names);
}

int height_for(std::size_t lines) {
  return 110 + 26 * static_cast<int>(std::min<std::size_t>(lines, 40));
}

// Loads over the fair share, of the experts that compute something.
std::vector<double> shares_of(const BalanceRecord& record, const BalanceCourse& course) {
  const std::size_t zero = static_cast<std::size_t>(std::max<Index>(0, record.num_zero_experts));
  std::vector<double> shares;
  for (std::size_t e = 0; e + zero < course.last_loads.size(); ++e) {
    shares.push_back(static_cast<double>(course.last_loads[e]));
  }
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double& share : shares) {
    share *= sum > 0 ? static_cast<double>(shares.size()) / sum : 0.0;
  }
  return shares;
}

const std::vector<double>& steering_of(const BalanceCourse& course) {
  return course.acts == Acts::thresholds ? course.last.thresholds : course.last.bias;
}

std::string steering_axis(const BalanceRecord& record, const BalanceCourse& course) {
  const std::string unit = record.bias_unit == BiasUnit::logit ? "logit" : "score";
  switch (course.acts) {
    case Acts::thresholds:
      return fmt::format("least {} the expert accepts", unit);
    case Acts::multiplies:
      return fmt::format("factor of the {}", unit);
    case Acts::adds:
    case Acts::coefficient:
      break;
  }
  return fmt::format("added to the {}", unit);
}

}  // namespace

std::vector<std::string> course_names(const BalanceRecord& record) {
  std::vector<std::string> names;
  std::set<std::string> taken;
  for (const BalanceCourse& course : record.courses) {
    std::string name = course.title;
    for (int i = 2; !taken.insert(name).second; ++i) {
      name = fmt::format("{} ({})", course.title, i);
    }
    names.push_back(std::move(name));
  }
  return names;
}

std::size_t best_course(const BalanceRecord& record) {
  const std::vector<BalanceSummary> summaries = summaries_of(record);
  std::size_t best = 0;
  for (std::size_t c = 1; c < summaries.size(); ++c) {
    const double value = summaries[c].last_50.max_violation;
    best = std::isfinite(value) && (best == 0 || value < summaries[best].last_50.max_violation) ? c : best;
  }
  return best;
}

std::string last_steps_in_words(const BalanceRecord& record) {
  const std::size_t steps = record.courses.empty() ? 0 : record.courses.front().steps.size();
  return steps < kLastSteps ? fmt::format("all {}", counted(steps, "step"))
                            : fmt::format("the last {} steps", kLastSteps);
}

Chart course_chart(const BalanceRecord& record) {
  Chart chart{"course", "Step by step", "", {}, {{"metric", "from step", "to step"}, {}}, 460};
  if (!has_steps(record)) {
    return chart;
  }
  const std::vector<std::string> names = course_names(record);
  const std::vector<Window> windows = windows_of(record.courses.front().steps.size());
  chart.table.columns.insert(chart.table.columns.end(), names.begin(), names.end());
  for (const LoopMetric& metric : kMetrics) {
    if (!moves(record, metric)) {
      continue;
    }
    chart.views.push_back({metric.name, options::text(course_option(metric, false, names, windows, record))});
    if (metric.field == &BalanceStep::max_violation) {
      chart.views.push_back({fmt::format("{}, logarithmic", metric.name),
                             options::text(course_option(metric, true, names, windows, record))});
    }
    for (const Window& window : windows) {
      std::vector<FlatValue> row = {std::string(metric.name), static_cast<std::int64_t>(window.from),
                                    static_cast<std::int64_t>(window.to)};
      for (const BalanceCourse& course : record.courses) {
        row.push_back(known(mean_of(course, metric.field, window)));
      }
      chart.table.rows.push_back(std::move(row));
    }
  }
  const std::vector<BalanceSummary> summaries = summaries_of(record);
  const std::size_t first = fastest(summaries);
  chart.takeaway = first == 0 ? "No controller comes below MaxVio 0.5."
                              : fmt::format("{} is the first below MaxVio 0.5, at step {}.", names[first],
                                            *summaries[first].first_below_half);
  if (windows.size() < record.courses.front().steps.size()) {
    chart.takeaway += fmt::format(" From step {} on each place is the mean of some steps.", kSingleSteps);
  }
  return chart;
}

Chart reached_chart(const BalanceRecord& record) {
  Chart chart{"reached", "The balance reached", "", {}, {}};
  if (!has_steps(record)) {
    return chart;
  }
  chart.table.columns = {"controller", "mean MaxVio", "5 % of steps below", "95 % of steps below"};
  const std::vector<std::string> names = course_names(record);
  const std::vector<BalanceSummary> summaries = summaries_of(record);
  for (const bool logarithmic : {false, true}) {
    Json means = Json::array();
    Json spread = Json::array();
    const auto place = [&](double value) { return logarithmic && !(value > 0) ? std::nan("") : value; };
    for (std::size_t c = 0; c < names.size(); ++c) {
      std::vector<double> last;
      const std::vector<BalanceStep>& steps = record.courses[c].steps;
      for (std::size_t i = steps.size() - std::min(kLastSteps, steps.size()); i < steps.size(); ++i) {
        last.push_back(steps[i].max_violation);
      }
      std::sort(last.begin(), last.end());
      const double low = last[(last.size() - 1) / 20];
      const double high = last[last.size() - 1 - (last.size() - 1) / 20];
      const double mean = summaries[c].last_50.max_violation;
      means.push_back(Json::array({or_null(place(mean)), names[c]}));
      options::add_interval(spread, place(low), place(high), names[c]);
      if (!logarithmic) {
        chart.table.rows.push_back({names[c], known(mean), known(low), known(high)});
      }
    }
    Json interval = options::intervals("nine of ten steps", std::move(spread));
    interval["markLine"] = {
        {"data",
         Json::array({options::mark("xAxis", record.noise_floor.max_violation.p95, "chance (95 %)")})},
        {"symbol", "none"}};
    Json mean = options::points("mean", std::move(means));
    mean["z"] = 3;  // above the interval
    Json x_axis = logarithmic ? options::log_axis(kMaxVio, "plain") : options::value_axis(kMaxVio, "plain");
    chart.views.push_back(
        {logarithmic ? "logarithmic" : "linear",
         options::text(options::chart(std::move(x_axis), controllers_axis(names),
                                      Json::array({std::move(interval), std::move(mean)})))});
  }
  chart.height = height_for(names.size());
  const std::size_t best = best_course(record);
  chart.takeaway = fmt::format(
      "{} ends lowest: MaxVio {:.3g} over {} ({}: {:.3g}; chance alone: up to {:.3g}).", names[best],
      summaries[best].last_50.max_violation, last_steps_in_words(record), names.front(),
      summaries.front().last_50.max_violation, record.noise_floor.max_violation.p95);
  return chart;
}

Chart speed_chart(const BalanceRecord& record) {
  Chart chart{"speed",
              "Steps until the load is balanced",
              "",
              {},
              {{"controller", "first step with MaxVio below 0.5"}, {}}};
  if (!has_steps(record)) {
    return chart;
  }
  const std::vector<std::string> names = course_names(record);
  const std::vector<BalanceSummary> summaries = summaries_of(record);
  Json values = Json::array();
  std::size_t never = 0;
  for (std::size_t c = 0; c < names.size(); ++c) {
    const std::optional<Index>& step = summaries[c].first_below_half;
    values.push_back(step ? Json(*step) : Json(nullptr));
    chart.table.rows.push_back({names[c], step ? FlatValue(std::int64_t{*step}) : FlatValue()});
    never += step ? 0 : 1;
  }
  if (never == names.size()) {
    return {"speed", "", "", {}, {}};  // the course says so
  }
  chart.views.push_back(
      {"", options::text(options::chart(options::value_axis("first step with MaxVio below 0.5", "plain"),
                                        controllers_axis(names),
                                        Json::array({options::bars("step", std::move(values))})))});
  chart.height = height_for(names.size());
  chart.takeaway =
      fmt::format("{} of {} come below MaxVio 0.5; those without a bar do not in {}.", names.size() - never,
                  names.size(), counted(record.courses.front().steps.size(), "step"));
  return chart;
}

Chart price_chart(const BalanceRecord& record) {
  Chart chart{"price",
              "The price: score lost",
              "",
              {},
              {{"controller", "score of a token's experts", "over the router alone", "lost"}, {}}};
  if (!has_steps(record)) {
    return chart;
  }
  const std::vector<std::string> names = course_names(record);
  const std::vector<BalanceSummary> summaries = summaries_of(record);
  const double alone = summaries.front().last_50.gate_mass;
  if (!(alone > 0)) {
    return chart;
  }
  Json values = Json::array();
  for (std::size_t c = 0; c < names.size(); ++c) {
    const double kept = summaries[c].last_50.gate_mass / alone;
    values.push_back(or_null(1 - kept));
    chart.table.rows.push_back(
        {names[c], known(summaries[c].last_50.gate_mass), known(kept), known(1 - kept)});
  }
  chart.views.push_back(
      {"", options::text(options::chart(options::value_axis("score lost against the router alone", "percent"),
                                        controllers_axis(names),
                                        Json::array({options::bars("score lost", std::move(values))})))});
  chart.height = height_for(names.size());
  const std::size_t best = best_course(record);
  chart.takeaway = fmt::format(
      "Experts chosen for balance score less: with {} a token keeps {} of the score that the "
      "router alone would give it, over {}.",
      names[best], percent(summaries[best].last_50.gate_mass / alone), last_steps_in_words(record));
  return chart;
}

Chart shares_of_load_chart(const BalanceRecord& record) {
  Chart chart{"final-load", "Load per expert at the last step", "", {}, {{"expert"}, {}}};
  const std::vector<std::string> names = course_names(record);
  std::vector<std::vector<double>> shares;
  for (const BalanceCourse& course : record.courses) {
    shares.push_back(shares_of(record, course));
  }
  const std::size_t experts = shares.empty() ? 0 : shares.front().size();
  if (experts == 0 || experts > kMostExperts ||
      std::any_of(shares.begin(), shares.end(), [&](const auto& s) { return s.size() != experts; })) {
    return chart;
  }
  double most = 0;
  for (const std::vector<double>& of : shares) {
    most = std::max(most, *std::max_element(of.begin(), of.end()));
  }
  chart.table.columns.insert(chart.table.columns.end(), names.begin(), names.end());
  for (std::size_t e = 0; e < experts; ++e) {
    std::vector<FlatValue> row = {static_cast<std::int64_t>(e)};
    for (const std::vector<double>& of : shares) {
      row.emplace_back(of[e]);
    }
    chart.table.rows.push_back(std::move(row));
  }
  const std::size_t best = best_course(record);
  const auto [low, high] = std::minmax_element(shares[best].begin(), shares[best].end());
  const auto [low_alone, high_alone] = std::minmax_element(shares.front().begin(), shares.front().end());
  chart.takeaway = fmt::format(
      "With {} experts get {:.3g} to {:.3g} times their fair share; with {} {:.3g} to {:.3g} times.",
      names[best], *low, *high, names.front(), *low_alone, *high_alone);
  for (const bool sorted : {false, true}) {
    Json data = Json::array();
    for (std::size_t c = 0; c < shares.size(); ++c) {
      std::vector<double> row = shares[c];
      if (sorted) {
        std::sort(row.begin(), row.end(), std::greater<>());
      }
      for (std::size_t e = 0; e < experts; ++e) {
        data.push_back(Json::array({e, c, row[e]}));
      }
    }
    std::vector<std::string> ranks;
    for (std::size_t e = 0; e < experts; ++e) {
      ranks.push_back(fmt::format("{}", e + 1));
    }
    Json x_axis = sorted ? options::category_axis("experts, busiest first", std::move(ranks))
                         : options::category_axis("expert", options::expert_names(experts));
    chart.views.push_back(
        {sorted ? "busiest first" : "by id",
         options::text(options::heat_map(std::move(x_axis), controllers_axis(names), std::move(data), 0, most,
                                         "plain", "over fair share"))});
  }
  chart.height = height_for(names.size()) + 20;
  return chart;
}

Chart bias_chart(const BalanceRecord& record) {
  Chart chart{"bias", "What the controllers ended with", "", {}, {{"expert"}, {}}};
  const std::vector<std::string> names = course_names(record);
  const std::size_t experts = static_cast<std::size_t>(std::max<Index>(0, record.num_experts));
  std::vector<std::size_t> shown;
  double largest = 0;
  std::size_t holder = 0;
  for (std::size_t c = 0; c < record.courses.size(); ++c) {
    const std::vector<double>& values = steering_of(record.courses[c]);
    if (values.empty() || values.size() != experts || experts > kMostExperts) {
      continue;
    }
    shown.push_back(c);
    Json data = Json::array();
    for (const double value : values) {
      data.push_back(or_null(value));
      if (record.courses[c].acts == Acts::adds && std::isfinite(value) && std::abs(value) > largest) {
        largest = std::abs(value);
        holder = c;
      }
    }
    const std::string axis = steering_axis(record, record.courses[c]);
    chart.views.push_back({names[c], options::text(options::chart(
                                         options::category_axis("expert", options::expert_names(experts)),
                                         options::value_axis(axis, "plain"),
                                         Json::array({options::bars(axis, std::move(data))})))});
    chart.table.columns.push_back(fmt::format("{}: {}", names[c], axis));
  }
  for (std::size_t e = 0; e < experts && !shown.empty(); ++e) {
    std::vector<FlatValue> row = {static_cast<std::int64_t>(e)};
    for (const std::size_t c : shown) {
      row.push_back(known(steering_of(record.courses[c])[e]));
    }
    chart.table.rows.push_back(std::move(row));
  }
  chart.takeaway = largest > 0
                       ? fmt::format("The largest bias is that of {}: {:.3g} on {}.", names[holder], largest,
                                     record.bias_unit == BiasUnit::logit ? "logits" : "scores")
                       : fmt::format("{}: what is left after the last step, expert by expert.",
                                     counted(shown.size(), "controller"));
  return chart;
}

}  // namespace moesim
