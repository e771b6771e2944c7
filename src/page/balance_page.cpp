#include <fmt/format.h>

#include <cmath>

#include "config/overrides.h"
#include "io/row_format.h"
#include "page/loop_charts.h"
#include "page/pages.h"
#include "report/balance_screen.h"
#include "report/numbers.h"

namespace moesim {
namespace {

// The rows of `moesim balance -o csv` that a reader compares, under their titles.
struct Column {
  const char* name;
  const char* title;
};
constexpr Column kColumns[] = {{"controller", "controller"},
                               {"m.max_violation.step_0", "MaxVio, step 0"},
                               {"m.max_violation.steps_1_5", "steps 1-5"},
                               {"m.max_violation.steps_45_55", "steps 45-55"},
                               {"m.max_violation.last_50", "last 50"},
                               {"m.first_step_below_half", "below 0.5 at step"},
                               {"m.min_violation.last_50", "MinVio, last 50"},
                               {"m.dead_experts.last_50", "dead experts"},
                               {"m.gate_mass.last_50", "score"},
                               {"m.gate_mass.kept", "score kept"},
                               {"m.experts_per_token.last_50", "experts a token"},
                               {"m.real_experts_per_token.last_50", "that compute"},
                               {"m.last.coefficient", "coefficient"}};

DataTable summary_table(const BalanceRecord& record) {
  DataTable table;
  for (const Column& column : kColumns) {
    table.columns.emplace_back(column.title);
  }
  for (const FlatRow& row : balance_rows(record)) {
    std::vector<FlatValue> cells;
    for (const Column& column : kColumns) {
      const FlatValue* value = find_value(row, column.name);
      cells.push_back(value == nullptr ? FlatValue() : *value);
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}

DataTable settings_table(const std::vector<ResolvedValue>& resolved) {
  DataTable table{{"setting", "value", "from"}, {}};
  for (const ResolvedValue& value : resolved) {
    table.rows.push_back({value.path, value.value, value.origin});
  }
  return table;
}

std::string verdict_of(const BalanceRecord& record, const Section& course, const Section& end) {
  std::string text;
  const auto add = [&text](const Section& section, std::size_t most) {
    for (std::size_t i = 0; i < std::min(most, section.blocks.size()); ++i) {
      if (const Chart* chart = std::get_if<Chart>(&section.blocks[i])) {
        text += (text.empty() ? "" : " ") + chart->takeaway;
      }
    }
  };
  add(end, 1);
  add(course, 1);
  if (record.interrupted) {
    text += " Stopped by Ctrl-C before the last step.";
  }
  return text;
}

}  // namespace

Page balance_page(const BalanceRecord& record) {
  Page page{record.name, "", {}, {}};
  page.badges = {
      counted(static_cast<std::uint64_t>(record.num_experts), "expert"),
      fmt::format("router {}, top-{}", record.router, record.top_k), fmt::format("logits {}", record.stream),
      fmt::format("{} of {}",
                  counted(record.courses.empty() ? 0 : record.courses.front().steps.size(), "step"),
                  counted(static_cast<std::uint64_t>(record.tokens), "token")),
      fmt::format("seed {}", record.seed)};
  if (record.num_zero_experts > 0) {
    page.badges.push_back(
        fmt::format("{} at the end compute nothing and are not counted",
                    counted(static_cast<std::uint64_t>(record.num_zero_experts), "expert")));
  }
  Section course{"steps", "Step by step", {}};
  add_chart(course, course_chart(record));
  Section end{"end", "What it comes to", {}};
  add_chart(end, reached_chart(record));
  add_chart(end, speed_chart(record));
  add_chart(end, price_chart(record));
  end.blocks.emplace_back(NamedTable{"controllers", "The controllers", summary_table(record), true});
  Section experts{"experts", "Expert by expert", {}};
  add_chart(experts, shares_of_load_chart(record));
  add_chart(experts, bias_chart(record));
  Section repeat{"repeat", "Repeat this", {}};
  repeat.blocks.emplace_back(
      Command{"moesim balance " + config_argument(record.config_source) + override_options(record.resolved)});
  repeat.blocks.emplace_back(NamedTable{"settings", "Settings", settings_table(record.resolved), false});
  page.verdict = verdict_of(record, course, end);
  for (Section* section : {&course, &end, &experts, &repeat}) {
    if (!section->blocks.empty()) {
      page.sections.push_back(std::move(*section));
    }
  }
  return page;
}

}  // namespace moesim
