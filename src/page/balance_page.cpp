#include <fmt/format.h>

#include <algorithm>

#include "config/overrides.h"
#include "io/row_format.h"
#include "page/loop_charts.h"
#include "page/options.h"
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

// Columns that say nothing are left out: those without a value, and of experts a token, where K is fixed,
// those that are the same for all.
bool says_something(const std::vector<FlatRow>& rows, const Column& column) {
  const bool of_experts = std::string(column.name).find("experts_per_token") != std::string::npos;
  return std::any_of(rows.begin(), rows.end(), [&](const FlatRow& row) {
    const FlatValue* value = find_value(row, column.name);
    const FlatValue* first = find_value(rows.front(), column.name);
    return value != nullptr && !std::holds_alternative<std::monostate>(*value) &&
           (!of_experts || first == nullptr || *value != *first);
  });
}

DataTable summary_table(const BalanceRecord& record) {
  const std::vector<FlatRow> rows = balance_rows(record);
  DataTable table;
  table.rows.resize(rows.size());
  for (const Column& column : kColumns) {
    if (!says_something(rows, column)) {
      continue;
    }
    table.columns.emplace_back(column.title);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const FlatValue* value = find_value(rows[r], column.name);
      table.rows[r].push_back(value == nullptr ? FlatValue() : *value);
    }
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

// How close, how fast, at what price: what the charts of these names say.
std::string verdict_of(const BalanceRecord& record, const std::vector<const Section*>& sections) {
  std::string text;
  for (const char* id : {"reached", "course", "price"}) {
    for (const Section* section : sections) {
      for (const Block& block : section->blocks) {
        if (const Chart* chart = std::get_if<Chart>(&block); chart != nullptr && chart->id == id) {
          text += (text.empty() ? "" : " ") + chart->takeaway;
        }
      }
    }
  }
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
  add_words(experts,
            options::too_many_experts(static_cast<std::size_t>(std::max<Index>(0, record.num_experts))));
  Section repeat{"repeat", "Repeat this", {}};
  repeat.blocks.emplace_back(
      Command{"moesim balance " + config_argument(record.config_source) + override_options(record.resolved)});
  repeat.blocks.emplace_back(NamedTable{"settings", "Settings", settings_table(record.resolved), false});
  page.verdict = verdict_of(record, {&course, &end});
  for (Section* section : {&course, &end, &experts, &repeat}) {
    add_section(page, std::move(*section));
  }
  return page;
}

}  // namespace moesim
