#include "report/route_diff_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/text.h"
#include "report/numbers.h"

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kAllColumns = 16;   // so many experts are all shown
constexpr std::size_t kSomeColumns = 12;  // of more

// Which experts' numbers are shown: all where they are few; else those that either side chose, then those
// whose values are nearest to being chosen.
struct Columns {
  std::size_t experts = 0;
  std::vector<std::size_t> shown;  // ascending
};

// The last stage with a number for every expert: what was selected by.
const StageValues* last_of_all_experts(const TokenTrace& trace, std::size_t experts) {
  const StageValues* last = nullptr;
  for (const StageValues& stage : trace.stages) {
    last = stage.values.size() == experts ? &stage : last;
  }
  return last;
}

Columns columns_of(const RouteDiff& diff) {
  Columns columns;
  for (const StageValues& stage : diff.a.stages) {
    columns.experts = std::max(columns.experts, stage.values.size());
  }
  if (columns.experts <= kAllColumns) {
    return columns;
  }
  const auto add = [&columns](std::size_t expert) {
    if (expert < columns.experts &&
        std::find(columns.shown.begin(), columns.shown.end(), expert) == columns.shown.end()) {
      columns.shown.push_back(expert);
    }
  };
  for (const TokenTrace* trace : {&diff.a, &diff.b}) {
    for (const std::int32_t expert : trace->expert) {
      add(static_cast<std::size_t>(expert));
    }
  }
  if (const StageValues* selected = last_of_all_experts(diff.a, columns.experts)) {
    std::vector<std::size_t> order(columns.experts);
    for (std::size_t i = 0; i < order.size(); ++i) {
      order[i] = i;
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t x, std::size_t y) { return selected->values[x] > selected->values[y]; });
    constexpr std::size_t kNeighbours = 3;
    const std::size_t most = std::max(kSomeColumns, columns.shown.size() + kNeighbours);
    for (std::size_t i = 0; i < order.size() && columns.shown.size() < most; ++i) {
      add(order[i]);
    }
  }
  std::sort(columns.shown.begin(), columns.shown.end());
  return columns;
}

std::string numbers_of(const std::vector<double>& values, const Columns& columns) {
  std::string text;
  if (columns.shown.empty() || values.size() != columns.experts) {  // of all, or of the chosen ones
    for (const double value : values) {
      text += fmt::format(" {:>10.6g}", value);
    }
    return text;
  }
  for (const std::size_t expert : columns.shown) {
    text += fmt::format(" {:>10.6g}", values[expert]);
  }
  return text;
}

std::string columns_line(const Columns& columns) {
  if (columns.shown.empty()) {
    return "";
  }
  std::string text = fmt::format("  {}   ", pad_to("of experts", 18));
  for (const std::size_t expert : columns.shown) {
    text += fmt::format(" {:>10}", expert);
  }
  return text + fmt::format("   of {}\n", columns.experts);
}

const StageValues* find_stage(const std::vector<StageValues>& stages, const std::string& name) {
  const auto found =
      std::find_if(stages.begin(), stages.end(), [&](const StageValues& s) { return s.stage == name; });
  return found == stages.end() ? nullptr : &*found;
}

// A router without noise has a stage of noise that leaves the logits as they are.
bool is_silent(const std::vector<StageValues>& stages, const std::string& stage) {
  const StageValues* logits = find_stage(stages, "logits");
  const StageValues* noisy = find_stage(stages, stage);
  return stage == "noise" && (noisy == nullptr || (logits != nullptr && noisy->values == logits->values));
}

// A stage of both in two lines, or in one where they agree.
std::string stage_lines(const StageValues& a, const StageValues* b, const std::string& mark,
                        const Columns& columns) {
  constexpr int kName = 18;
  if (b != nullptr && a.values == b->values) {
    return fmt::format("{}{}   {}\n", mark, pad_to(a.stage, kName), numbers_of(a.values, columns));
  }
  std::string text = fmt::format("{}{} A {}\n", mark, pad_to(a.stage, kName), numbers_of(a.values, columns));
  if (b != nullptr) {
    text += fmt::format("{}{} B {}\n", mark, pad_to("", kName), numbers_of(b->values, columns));
  }
  return text;
}

std::string outcome_line(const char* side, const TokenTrace& trace) {
  std::string text = fmt::format("  {} {} ", pad_to("goes to", 18), side);
  for (std::size_t i = 0; i < trace.expert.size(); ++i) {
    text +=
        fmt::format("  {} ({:.6g}{})", trace.expert[i], trace.weight[i], trace.kept[i] ? "" : ", dropped");
  }
  return text + (trace.expert.empty() ? "  no expert\n" : "\n");
}

Json json_of(const TokenTrace& trace) {
  Json stages = Json::object();
  for (const StageValues& stage : trace.stages) {
    stages[stage.stage] = stage.values;
  }
  return {{"stages", stages}, {"expert", trace.expert}, {"weight", trace.weight}, {"kept", trace.kept}};
}

double percent(Index part, Index whole) {
  return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

std::string render_route_diff(const RouteDiff& diff, const std::string& title_a, const std::string& title_b) {
  const Index differing = diff.num_tokens - diff.same;
  const Index other_experts = diff.num_tokens - diff.same_experts;
  std::string text = fmt::format("A        {}\nB        {}\n", display_safe(title_a), display_safe(title_b));
  if (!diff.token) {
    return text + fmt::format("same     all {} tokens go to the same experts with the same weights\n",
                              diff.num_tokens);
  }
  text += fmt::format(
      "differ   {} of {} tokens ({:.3g} %): {} by their experts, {} by their weights alone\n"
      "where    the first of them, token {}, parts at: {}\n\n",
      differing, diff.num_tokens, percent(differing, diff.num_tokens), other_experts,
      differing - other_experts, *diff.token, diff.stage);
  const Columns columns = columns_of(diff);
  text += columns_line(columns);
  for (const StageValues& stage : diff.a.stages) {
    if (!is_silent(diff.a.stages, stage.stage) || !is_silent(diff.b.stages, stage.stage)) {
      text += stage_lines(stage, find_stage(diff.b.stages, stage.stage),
                          stage.stage == diff.stage ? "> " : "  ", columns);
    }
  }
  return text + outcome_line("A", diff.a) + outcome_line("B", diff.b);
}

std::string route_diff_json(const RouteDiff& diff, const std::string& title_a, const std::string& title_b) {
  Json json = {{"a", title_a},
               {"b", title_b},
               {"num_tokens", diff.num_tokens},
               {"differing_tokens", diff.num_tokens - diff.same},
               {"tokens_with_other_experts", diff.num_tokens - diff.same_experts}};
  json["first_token"] = diff.token ? Json(*diff.token) : Json(nullptr);
  json["stage"] = diff.token ? Json(diff.stage) : Json(nullptr);
  if (diff.token) {
    json["token_a"] = json_of(diff.a);
    json["token_b"] = json_of(diff.b);
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace moesim
