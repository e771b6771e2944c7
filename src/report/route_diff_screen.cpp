#include "report/route_diff_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/text.h"
#include "report/numbers.h"

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostNumbers = 16;  // of one stage on the screen

std::string numbers_of(const std::vector<double>& values) {
  std::string text;
  for (std::size_t i = 0; i < std::min(values.size(), kMostNumbers); ++i) {
    text += fmt::format(" {:>10.6g}", values[i]);
  }
  return text + (values.size() > kMostNumbers ? fmt::format("  … {} in all", values.size()) : "");
}

const StageValues* find_stage(const std::vector<StageValues>& stages, const std::string& name) {
  const auto found =
      std::find_if(stages.begin(), stages.end(), [&](const StageValues& s) { return s.stage == name; });
  return found == stages.end() ? nullptr : &*found;
}

// A stage of both in two lines, or in one where they agree.
std::string stage_lines(const StageValues& a, const StageValues* b, bool parting) {
  constexpr int kName = 18;
  const std::string mark = parting ? "> " : "  ";
  if (b != nullptr && a.values == b->values) {
    return fmt::format("{}{}   {}\n", mark, pad_to(a.stage, kName), numbers_of(a.values));
  }
  std::string text = fmt::format("{}{} A {}\n", mark, pad_to(a.stage, kName), numbers_of(a.values));
  if (b != nullptr) {
    text += fmt::format("{}{} B {}\n", mark, pad_to("", kName), numbers_of(b->values));
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
  for (const StageValues& stage : diff.a.stages) {
    text += stage_lines(stage, find_stage(diff.b.stages, stage.stage), stage.stage == diff.stage);
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
