#include "report/compare_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/text.h"
#include "io/row_format.h"
#include "report/numbers.h"
#include "report/sweep_analysis.h"

namespace moesim {
namespace {

// Exact figures: they do not depend on a clock.
struct Metric {
  const char* name;
  const char* title;
};
constexpr Metric kExact[] = {{"m.load_cv", "load CV"},
                             {"m.max_violation", "max_violation"},
                             {"m.load_entropy", "load entropy"},
                             {"m.dead_experts", "dead experts"},
                             {"m.dropped_fraction", "dropped fraction"},
                             {"m.active_params", "active parameters"},
                             {"m.total_params", "total parameters"},
                             {"m.flops_per_token", "FLOPs a token"}};

std::string cell(const FlatRow& record, const std::string& name) {
  const double value = number_in(record, name);
  return std::isnan(value)        ? "?"
         : std::abs(value) >= 1e4 ? short_number(value)
                                  : fmt::format("{:.4g}", value);
}

std::string letter(std::size_t index) {
  return std::string(1, static_cast<char>('A' + static_cast<int>(index % 26)));
}

std::string value_cell(const FlatValue& value) {
  return std::holds_alternative<std::monostate>(value) ? "(not there)"
                                                       : shorten_text(display_safe(plain_text(value)), 60);
}

// "p.capacity" of "p.capacity.factor".
std::string section_of(const std::string& name) {
  return name.substr(0, name.find('.', 2));
}

bool has_section(const FlatRow& record, const std::string& section) {
  return std::any_of(record.begin(), record.end(),
                     [&](const FlatEntry& entry) { return entry.name.rfind(section + ".", 0) == 0; });
}

// A section that only one side has is one difference: all of it against "none" or nothing.
std::vector<Difference> with_whole_sections(const FlatRow& a, const Comparison& b) {
  std::vector<Difference> settings;
  std::map<std::string, std::size_t> place;  // of sections, in `settings`
  for (const Difference& difference : b.settings) {
    const std::string section = section_of(difference.name);
    const bool in_a = has_section(a, section);
    if (in_a == has_section(b.record, section)) {
      settings.push_back(difference);
      continue;
    }
    const auto [known, is_new] = place.emplace(section, settings.size());
    if (is_new) {
      settings.push_back({section, {}, {}});
    }
    Difference& whole = settings[known->second];
    FlatValue& there = in_a ? whole.a : whole.b;
    if (difference.name == section) {
      (in_a ? whole.b : whole.a) = in_a ? difference.b : difference.a;
      continue;
    }
    const std::string text = std::holds_alternative<std::string>(there) ? std::get<std::string>(there) : "{}";
    there = fmt::format("{}{}{}: {}}}", text.substr(0, text.size() - 1), text == "{}" ? "" : ", ",
                        difference.name.substr(section.size() + 1),
                        plain_text(in_a ? difference.a : difference.b));
  }
  return settings;
}

void add_settings(std::string& text, const FlatRow& a, const Comparison& entry, std::size_t index) {
  if (entry.settings.empty()) {
    text += "config   the same settings\n";
    return;
  }
  const std::vector<Difference> settings = with_whole_sections(a, entry);
  text += fmt::format("config   {} differ{}:\n", counted(settings.size(), "setting"),
                      settings.size() == 1 ? "s" : "");
  for (const Difference& difference : settings) {
    text += fmt::format("  {:<28} A {}   {} {}\n", display_safe(difference.name.substr(2)),
                        value_cell(difference.a), letter(index), value_cell(difference.b));
  }
}

void add_routing(std::string& text, const Comparison& a, const Comparison& b, std::size_t index) {
  if (b.same_routing) {
    text += fmt::format("routing  same bits{}\n", b.same_output ? ", outputs too" : "");
  } else {
    text += "routing  differs\n";
  }
  for (const Metric& metric : kExact) {
    const std::string left = cell(a.record, metric.name);
    const std::string right = cell(b.record, metric.name);
    if (b.same_routing && left == right) {
      continue;
    }
    text += fmt::format("  {:<28} A {:<12} {} {:<12}{}\n", metric.title, left, letter(index), right,
                        left == right ? "" : "  *");
  }
}

void add_speed(std::string& text, const CompareResult& result, std::size_t index) {
  const Comparison& a = result.entries.front();
  const Comparison& b = result.entries[index];
  if (!b.timed) {
    text += "speed    not measured on both sides\n";
    return;
  }
  const SpeedVerdict& speed = b.speed;
  text += fmt::format("speed    {} {}: {:.4g} times A's tokens/s [{:.4g} .. {:.4g}]{}\n", letter(index),
                      speed_word(speed.speed), speed.ratio.median, speed.ratio.low, speed.ratio.high,
                      result.live ? fmt::format(", measured in turns over {} rounds", result.rounds)
                                  : ", each against the yardstick of its run");
  text += fmt::format("         a verdict needs an interval beyond 1 and a margin of {} for {}\n",
                      percent(speed.margin), result.live ? "where in memory each lies" : "noise");
  text += fmt::format("         A {} tokens/s, {} {} tokens/s{}\n", cell(a.record, "m.tokens_per_s"),
                      letter(index), cell(b.record, "m.tokens_per_s"),
                      result.live ? "" : " (measured at different times: not compared)");
}

}  // namespace

std::string render_comparison(const std::vector<CompareResult>& results, const ScreenStyle& style) {
  std::string text;
  for (const CompareResult& result : results) {
    if (!result.parameters.empty()) {
      text += fmt::format("\n{}\n", style.colour ? "\033[1m" + display_safe(result.parameters) + "\033[0m"
                                                 : display_safe(result.parameters));
    }
    for (std::size_t i = 1; i < result.entries.size(); ++i) {
      if (&result == &results.front() || result.live) {
        text += fmt::format("compare  A {}\n         {} {}\n", display_safe(result.entries.front().title),
                            letter(i), display_safe(result.entries[i].title));
      }
      add_settings(text, result.entries.front().record, result.entries[i], i);
      add_routing(text, result.entries.front(), result.entries[i], i);
      add_speed(text, result, i);
      text += i + 1 < result.entries.size() ? "\n" : "";
    }
  }
  return text;
}

std::vector<FlatRow> comparison_rows(const std::vector<CompareResult>& results) {
  std::vector<FlatRow> rows;
  for (const CompareResult& result : results) {
    const Comparison& a = result.entries.front();
    for (std::size_t i = 1; i < result.entries.size(); ++i) {
      const Comparison& b = result.entries[i];
      const SpeedVerdict& speed = b.speed;
      FlatRow row = {{"schema", std::string("moesim.compare/1")},
                     {"a", a.title},
                     {"b", b.title},
                     {"live", result.live},
                     {"point", result.parameters.empty() ? FlatValue() : FlatValue(result.parameters)},
                     {"verdict", b.timed ? FlatValue(std::string(speed_word(speed.speed))) : FlatValue()},
                     {"tokens_per_s.ratio", b.timed ? FlatValue(speed.ratio.median) : FlatValue()},
                     {"tokens_per_s.ratio.lo", b.timed ? FlatValue(speed.ratio.low) : FlatValue()},
                     {"tokens_per_s.ratio.hi", b.timed ? FlatValue(speed.ratio.high) : FlatValue()},
                     {"margin", speed.margin},
                     {"rounds", std::int64_t{result.rounds}},
                     {"interrupted", result.interrupted},
                     {"same_routing", b.same_routing},
                     {"same_output", b.same_output}};
      for (const Difference& difference : b.settings) {
        row.push_back({difference.name, plain_text(difference.a) + " | " + plain_text(difference.b)});
      }
      for (const FlatEntry& entry : a.record) {
        if (entry.name.rfind("m.", 0) == 0) {
          row.push_back({"a." + entry.name, entry.value});
        }
      }
      for (const FlatEntry& entry : b.record) {
        if (entry.name.rfind("m.", 0) == 0) {
          row.push_back({"b." + entry.name, entry.value});
        }
      }
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

}  // namespace moesim
