#include "report/balance_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "config/overrides.h"
#include "core/text.h"
#include "metrics/flatten.h"
#include "report/numbers.h"
#include "report/sparkline.h"

namespace moesim {
namespace {

std::string three_digits(double value) {
  return std::isnan(value) ? "-" : value >= 1.0 ? fmt::format("{:.2f}", value) : fmt::format("{:.3f}", value);
}

Index steps_of(const BalanceRecord& record) {
  return static_cast<Index>(record.courses.front().steps.size());
}

struct Columns {
  int title = 10;
  double most_violation = 0;  // of any step of any controller
  bool unicode = true;
};

std::string course_of(const BalanceCourse& course, const Columns& columns) {
  constexpr int kWidth = 16;
  std::vector<double> violations;
  for (const BalanceStep& step : course.steps) {
    violations.push_back(step.max_violation);
  }
  return sparkline(violations, columns.most_violation, kWidth, columns.unicode);
}

std::string line_of(const BalanceCourse& course, double mass_alone, const Columns& columns) {
  const BalanceSummary s = summarise_course(course.steps);
  const std::string below = s.first_below_half ? fmt::format("step {}", *s.first_below_half) : "never";
  return fmt::format(
      "  {}  {:>6}  {:>6}  {:>6}  {:>7}  {:>9}  {:>6.1f}  {:>10}  {}\n",
      pad_to(display_safe(course.title), columns.title), three_digits(s.first), three_digits(s.steps_1_5),
      three_digits(s.steps_45_55), three_digits(s.last_50.max_violation), below, s.last_50.dead_experts,
      mass_alone > 0 ? percent(s.last_50.gate_mass / mass_alone) : "-", course_of(course, columns));
}

double mass_of(const BalanceCourse& course) {
  return summarise_course(course.steps).last_50.gate_mass;
}

// "drifting, rate 0.01": the keys of the stream that were given.
std::string stream_in_words(const BalanceRecord& record) {
  const std::string section = "balance.stream.";
  std::string text = record.stream;
  for (const ResolvedValue& value : record.resolved) {
    if (value.path.rfind(section, 0) == 0 && value.path != section + "kind" && value.origin != "default") {
      text += fmt::format(", {} {}", value.path.substr(section.size()), display_safe(value.value));
    }
  }
  return text;
}

std::string where_the_bias_acts(const BalanceRecord& record) {
  return record.bias_unit == BiasUnit::logit ? "on logits" : "on scores";
}

// The settings of the course's own controller as p.controller.*, and those of everything else as p.*.
void add_settings(const BalanceRecord& record, const BalanceCourse& course, FlatRow& row) {
  std::vector<ResolvedValue> shared;
  for (const ResolvedValue& value : record.resolved) {
    const bool of_controller = value.path.rfind("balance.controller", 0) == 0;
    if (!of_controller) {
      shared.push_back(value);
    } else if (!course.path.empty() && value.path.rfind(course.path + ".", 0) == 0) {
      row.push_back({"p.controller." + value.path.substr(course.path.size() + 1), typed_value(value.value)});
    }
  }
  for (FlatEntry& entry : flatten_settings(shared)) {
    row.push_back(std::move(entry));
  }
}

}  // namespace

std::string render_balance(const BalanceRecord& record, const ScreenStyle& style) {
  Columns columns;
  for (const BalanceCourse& course : record.courses) {
    columns.title = std::max(columns.title, std::min(56, display_width(display_safe(course.title))));
    for (const BalanceStep& step : course.steps) {
      columns.most_violation = std::max(columns.most_violation, step.max_violation);
    }
  }
  columns.unicode = style.unicode;
  const auto bold = [&](const std::string& text) {
    return style.colour ? "\033[1m" + text + "\033[0m" : text;
  };
  std::string text = fmt::format("{}  {}: {} experts, top-{}, {} of {}, seed {}\n", bold("CLOSED LOOP"),
                                 display_safe(record.name), record.num_experts, record.top_k,
                                 counted(static_cast<std::uint64_t>(steps_of(record)), "step"),
                                 counted(static_cast<std::uint64_t>(record.tokens), "token"), record.seed);
  text += fmt::format(
      "  router {}, steered {}; logits {}{}\n\n", display_safe(record.router), where_the_bias_acts(record),
      stream_in_words(record),
      record.num_zero_experts > 0
          ? fmt::format("; zero-computation experts at the end: {} (not counted)", record.num_zero_experts)
          : "");
  text += fmt::format("  {}  {:>6}  {:>6}  {:>6}  {:>7}  {:>9}  {:>6}  {:>10}  {}\n",
                      pad_to("MaxVio", columns.title), "step 0", "1-5", "45-55", "last 50", "below 0.5",
                      "dead", "score kept", "all steps");
  const double mass_alone = mass_of(record.courses.front());
  for (const BalanceCourse& course : record.courses) {
    text += line_of(course, mass_alone, columns);
  }
  const Floor& chance = record.noise_floor.max_violation;
  text += fmt::format("  {}  {:>6}  {:>6}  {:>6}  {:>7}  a uniform random router, one step (95 %: {})\n",
                      pad_to("chance", columns.title), "", "", "", three_digits(chance.mean),
                      three_digits(chance.p95));
  text +=
      "\n  MaxVio: busiest expert over fair share, less 1; windows are means over steps. dead: experts "
      "without a "
      "token;\n  score kept: scores of the chosen experts over those the router alone would choose; both of "
      "the last "
      "50 steps. all steps: MaxVio from 0 to the largest of them all.\n";
  if (record.interrupted) {
    text += "  stopped by Ctrl-C before the last step\n";
  }
  return text +
         fmt::format("\nnext    {} balance {} -o csv --by-step    every step of every controller\n",
                     display_safe(style.program),
                     display_safe(config_argument(record.config_source) + override_options(record.resolved)));
}

std::vector<FlatRow> balance_rows(const BalanceRecord& record) {
  const double mass_alone = mass_of(record.courses.front());
  const Floor& chance = record.noise_floor.max_violation;
  std::vector<FlatRow> rows;
  for (const BalanceCourse& course : record.courses) {
    const BalanceSummary s = summarise_course(course.steps);
    FlatRow row = {
        {"schema", std::string("moesim.balance/1")},
        {"name", record.name},
        {"controller", course.title},
        {"kind", course.kind},
        {"steps", steps_of(record)},
        {"interrupted", record.interrupted},
        {"bias_unit", std::string(record.bias_unit == BiasUnit::logit ? "logit" : "score")},
        {"m.max_violation.step_0", s.first},
        {"m.max_violation.steps_1_5", s.steps_1_5},
        {"m.max_violation.steps_45_55", s.steps_45_55},
        {"m.max_violation.last_50", s.last_50.max_violation},
        {"m.first_step_below_half", s.first_below_half ? FlatValue(*s.first_below_half) : FlatValue()},
        {"m.min_violation.last_50", s.last_50.min_violation},
        {"m.dead_experts.last_50", s.last_50.dead_experts},
        {"m.gate_mass.last_50", s.last_50.gate_mass},
        {"m.gate_mass.kept", mass_alone > 0 ? FlatValue(s.last_50.gate_mass / mass_alone) : FlatValue()},
        {"m.experts_per_token.last_50", s.last_50.experts_per_token},
        {"m.real_experts_per_token.last_50", s.last_50.real_experts_per_token},
        {"m.noise_floor.max_violation", chance.mean},
        {"m.noise_floor.max_violation.p95", chance.p95},
        {"m.last.coefficient",
         course.kind == "maxvio_servo" ? FlatValue(course.last.coefficient) : FlatValue()}};
    add_settings(record, course, row);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<FlatRow> balance_step_rows(const BalanceRecord& record) {
  std::vector<FlatRow> rows;
  for (const BalanceCourse& course : record.courses) {
    for (std::size_t step = 0; step < course.steps.size(); ++step) {
      const BalanceStep& s = course.steps[step];
      rows.push_back({{"schema", std::string("moesim.balance_step/1")},
                      {"controller", course.title},
                      {"step", static_cast<std::int64_t>(step)},
                      {"max_violation", s.max_violation},
                      {"min_violation", s.min_violation},
                      {"dead_experts", s.dead_experts},
                      {"gate_mass", s.gate_mass},
                      {"experts_per_token", s.experts_per_token},
                      {"real_experts_per_token", s.real_experts_per_token}});
    }
  }
  return rows;
}

}  // namespace moesim
