// Two routers on the same numbers: where their ways part, how far apart they are, who gets the tokens.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "page/options.h"
#include "page/pages.h"
#include "report/numbers.h"

namespace moesim {
namespace {

using options::Json;
using options::kMostExperts;
using options::or_null;

double share_of(Index part, Index whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0.0;
}

// Stages go down the page in the order in which a router takes them.
Json stage_axis(const RouteDiffDetail& detail) {
  std::vector<std::string> names;
  for (const StageDiff& stage : detail.stages) {
    names.push_back(stage.stage);
  }
  return options::rows_axis("stage", std::move(names));
}

int height_for(std::size_t stages) {
  return 120 + 30 * static_cast<int>(stages);
}

const StageDiff* first_parting(const RouteDiffDetail& detail) {
  const auto found = std::find_if(detail.stages.begin(), detail.stages.end(),
                                  [](const StageDiff& stage) { return stage.parts > 0; });
  return found == detail.stages.end() ? nullptr : &*found;
}

DataTable stages_table(const RouteDiffDetail& detail) {
  DataTable table{
      {"stage", "tokens with the same numbers", "tokens that differ", "tokens whose ways part here",
       "largest difference", "at token", "of expert", "tokens with an expert masked on one side"},
      {}};
  for (const StageDiff& stage : detail.stages) {
    const bool known = stage.token >= 0;
    table.rows.push_back({stage.stage, std::int64_t{stage.same}, std::int64_t{detail.tokens - stage.same},
                          std::int64_t{stage.parts}, known ? FlatValue(stage.largest) : FlatValue(),
                          known ? FlatValue(std::int64_t{stage.token}) : FlatValue(),
                          known ? FlatValue(std::int64_t{stage.expert}) : FlatValue(),
                          std::int64_t{stage.masked}});
  }
  return table;
}

Chart stages_chart(const RouteDiffDetail& detail) {
  Chart chart{"stages", "Stage by stage", "", {}, stages_table(detail), height_for(detail.stages.size())};
  if (detail.tokens == 0) {
    return chart;
  }
  Json same = Json::array();
  Json differ = Json::array();
  Json part = Json::array();
  for (const StageDiff& stage : detail.stages) {
    same.push_back(stage.same);
    part.push_back(stage.parts);
    differ.push_back(detail.tokens - stage.same - std::min(stage.parts, detail.tokens - stage.same));
  }
  Json option =
      options::chart(options::value_axis("tokens"), stage_axis(detail),
                     Json::array({options::bars("same numbers", std::move(same), "tokens"),
                                  options::bars("part here", std::move(part), "tokens"),
                                  options::bars("differ without parting", std::move(differ), "tokens")}));
  option["tooltip"] = {{"trigger", "axis"}};
  chart.views.push_back({"", options::text(option)});
  const StageDiff* first = first_parting(detail);
  chart.takeaway =
      first == nullptr
          ? fmt::format("All {} end alike.", counted(static_cast<std::uint64_t>(detail.tokens), "token"))
          : fmt::format(
                "{} first differ at '{}'{}. \"Differ without parting\": tokens that differ here too but "
                "parted at an earlier stage, or that end alike.",
                counted(static_cast<std::uint64_t>(first->parts), "token"), first->stage,
                first->token < 0 ? ", whose numbers stand at 'goes to'" : "");
  return chart;
}

Chart largest_chart(const RouteDiffDetail& detail) {
  Chart chart{"largest", "Largest differences", "",
              {},        stages_table(detail),  height_for(detail.stages.size())};
  Json linear = Json::array();
  const StageDiff* most = nullptr;
  for (const StageDiff& stage : detail.stages) {
    if (stage.token >= 0) {
      linear.push_back(Json::array({or_null(stage.largest), stage.stage}));
      most = most == nullptr || stage.largest > most->largest ? &stage : most;
    }
  }
  if (most == nullptr) {
    return chart;
  }
  for (const bool logarithmic : {true, false}) {
    const std::string name = "largest difference of one expert's number";
    chart.views.push_back(
        {logarithmic ? "logarithmic" : "linear",
         options::text(options::chart(
             logarithmic ? options::log_axis(name, "plain") : options::value_axis(name, "plain"),
             stage_axis(detail), Json::array({options::points("largest difference", linear)})))});
  }
  chart.takeaway =
      fmt::format("Most at '{}': {:.4g}, at token {} for expert {}. Stages have units of their own.",
                  most->stage, most->largest, most->token, most->expert);
  return chart;
}

Chart loads_chart(const RoutedSide& a, const RoutedSide& b) {
  Chart chart{"load",
              "Load per expert",
              "",
              {},
              {{"expert", "routed A", "routed B", "after drops A", "after drops B"}, {}}};
  const std::size_t experts = std::max(a.result.routed.size(), b.result.routed.size());
  if (experts == 0 || experts > kMostExperts) {
    return chart;
  }
  const auto load_at = [](const Counts& loads, std::size_t expert) {
    return expert < loads.size() ? FlatValue(static_cast<std::int64_t>(loads[expert])) : FlatValue();
  };
  const auto bars_of = [&](const char* name, const Counts& loads) {
    Json data = Json::array();
    for (std::size_t e = 0; e < experts; ++e) {
      data.push_back(e < loads.size() ? Json(loads[e]) : Json(nullptr));
    }
    return options::bars(name, std::move(data));
  };
  const auto add_view = [&](const char* name, const char* axis, const Counts& left, const Counts& right) {
    Json option =
        options::chart(options::category_axis("expert", options::expert_names(experts)),
                       options::value_axis(axis), Json::array({bars_of("A", left), bars_of("B", right)}));
    option["tooltip"] = {{"trigger", "axis"}};
    chart.views.push_back({name, options::text(option)});
  };
  const bool drops = a.result.routed != a.result.processed || b.result.routed != b.result.processed;
  add_view(drops ? "before drops" : "", "tokens that chose the expert", a.result.routed, b.result.routed);
  if (drops) {
    add_view("after drops", "tokens the expert takes", a.result.processed, b.result.processed);
  }
  for (std::size_t e = 0; e < experts; ++e) {
    chart.table.rows.push_back({static_cast<std::int64_t>(e), load_at(a.result.routed, e),
                                load_at(b.result.routed, e), load_at(a.result.processed, e),
                                load_at(b.result.processed, e)});
  }
  chart.takeaway =
      fmt::format("The busiest expert of A has {:.2f} times its fair share, that of B {:.2f} times.",
                  1 + a.result.load.max_violation, 1 + b.result.load.max_violation);
  return chart;
}

// The worked numbers of the first token that ends differently; the stage at which it parts first.
Chart token_chart(const RouteDiff& diff) {
  Chart chart{"first-token", "", "", {}, {{"stage", "place", "A", "B"}, {}}};
  if (!diff.token) {
    return chart;
  }
  chart.title = fmt::format("Token {}, the first that ends differently", *diff.token);
  std::size_t experts = 0;
  for (const StageValues& stage : diff.a.stages) {
    experts = std::max(experts, stage.values.size());
  }
  if (experts > kMostExperts) {
    return chart;
  }
  std::vector<ChartView> later;
  for (const StageValues& stage : diff.a.stages) {
    const auto other = std::find_if(diff.b.stages.begin(), diff.b.stages.end(),
                                    [&](const StageValues& s) { return s.stage == stage.stage; });
    if (other == diff.b.stages.end() || stage.stage == "selection") {  // which holds experts, not numbers
      continue;
    }
    const std::size_t places = std::max(stage.values.size(), other->values.size());
    Json left = Json::array();
    Json right = Json::array();
    std::vector<std::string> names;
    for (std::size_t i = 0; i < places; ++i) {
      const auto at = [&](const StageValues& of) {
        return i < of.values.size() ? of.values[i] : std::nan("");
      };
      left.push_back(or_null(at(stage)));
      right.push_back(or_null(at(*other)));
      names.push_back(fmt::format("{}", i + 1));
      chart.table.rows.push_back(
          {stage.stage, static_cast<std::int64_t>(i), options::known(at(stage)), options::known(at(*other))});
    }
    Json b = options::points("B", std::move(right));
    b["symbol"] = "diamond";
    Json option = options::chart(
        places == experts ? options::category_axis("expert", options::expert_names(experts))
                          : options::category_axis("of the chosen experts, in order", std::move(names)),
        options::value_axis(stage.stage, "plain"),
        Json::array({options::points("A", std::move(left)), std::move(b)}));
    option["tooltip"] = {{"trigger", "axis"}};
    ChartView view{stage.stage, options::text(option)};
    if (stage.stage == diff.stage) {
      chart.views.push_back(std::move(view));
    } else {
      later.push_back(std::move(view));
    }
  }
  chart.views.insert(chart.views.end(), later.begin(), later.end());
  chart.takeaway = fmt::format("Its ways part at: {}. A value that is missing is masked.", diff.stage);
  return chart;
}

std::string experts_in_words(const TokenTrace& trace) {
  std::string text;
  for (std::size_t i = 0; i < trace.expert.size(); ++i) {
    text += fmt::format("{}{} ({:.6g}{})", text.empty() ? "" : ", ", trace.expert[i], trace.weight[i],
                        trace.kept[i] ? "" : ", dropped");
  }
  return text.empty() ? "no expert" : text;
}

DataTable parted_table(const RouteDiffDetail& detail) {
  DataTable table{{"token", "parts at", "A: expert (weight)", "B: expert (weight)"}, {}};
  for (const PartedToken& token : detail.parted) {
    table.rows.push_back(
        {std::int64_t{token.token}, token.stage, experts_in_words(token.a), experts_in_words(token.b)});
  }
  return table;
}

const ResolvedValue* find_setting(const std::vector<ResolvedValue>& settings, const std::string& path) {
  const auto found = std::find_if(settings.begin(), settings.end(),
                                  [&](const ResolvedValue& value) { return value.path == path; });
  return found == settings.end() ? nullptr : &*found;
}

// Both configs, or of them what differs.
DataTable configs_table(const Policy& a, const Policy& b, bool only_different) {
  DataTable table{{"setting", "A", "B"}, {}};
  const auto add = [&](const std::string& path, const ResolvedValue* left, const ResolvedValue* right) {
    if (only_different && left != nullptr && right != nullptr && left->value == right->value) {
      return;
    }
    table.rows.push_back({path, left == nullptr ? FlatValue() : FlatValue(left->value),
                          right == nullptr ? FlatValue() : FlatValue(right->value)});
  };
  for (const ResolvedValue& value : a.resolved) {
    add(value.path, &value, find_setting(b.resolved, value.path));
  }
  for (const ResolvedValue& value : b.resolved) {
    if (find_setting(a.resolved, value.path) == nullptr) {
      add(value.path, nullptr, &value);
    }
  }
  return table;
}

std::string verdict_of(const RouteDiff& diff) {
  const Index differing = diff.num_tokens - diff.same;
  const Index other_experts = diff.num_tokens - diff.same_experts;
  if (differing == 0) {
    return fmt::format("All {} go to the same experts with the same weights.",
                       counted(static_cast<std::uint64_t>(diff.num_tokens), "token"));
  }
  return fmt::format(
      "{} of {} ({}) end differently: {} by their experts, {} by their weights alone. The first of them, "
      "token {}, parts at: {}.",
      differing, counted(static_cast<std::uint64_t>(diff.num_tokens), "token"),
      percent(share_of(differing, diff.num_tokens)), other_experts, differing - other_experts, *diff.token,
      diff.stage);
}

}  // namespace

Page route_diff_page(const RouteDiff& diff, const RouteDiffDetail& detail, const RoutedSide& a,
                     const RoutedSide& b, const std::string& again) {
  Page page{fmt::format("{} and {} on the same numbers", a.policy.title, b.policy.title),
            verdict_of(diff),
            {"A: " + a.policy.title, "B: " + b.policy.title,
             counted(static_cast<std::uint64_t>(diff.num_tokens), "token")},
            {}};
  if (detail.tokens < diff.num_tokens) {
    page.badges.push_back(
        fmt::format("stages of the first {} tokens", with_commas(static_cast<std::uint64_t>(detail.tokens))));
  }
  Section stages{"where", "Where they part", {}};
  add_chart(stages, stages_chart(detail));
  add_chart(stages, largest_chart(detail));
  add_chart(stages, token_chart(diff));
  Section tokens{"tokens", "Who gets the tokens", {}};
  add_chart(tokens, loads_chart(a, b));
  add_words(tokens, options::too_many_experts(std::max(a.result.routed.size(), b.result.routed.size())));
  if (!detail.parted.empty()) {
    const std::string title = static_cast<std::size_t>(detail.num_parted) == detail.parted.size()
                                  ? "Tokens that end differently"
                                  : fmt::format("The first tokens of {} that end differently",
                                                with_commas(static_cast<std::uint64_t>(detail.num_parted)));
    tokens.blocks.emplace_back(NamedTable{"parted", title, parted_table(detail), true});
  }
  Section repeat{"repeat", "Repeat this", {}};
  repeat.blocks.emplace_back(Command{again});
  repeat.blocks.emplace_back(
      NamedTable{"differences", "Settings that differ", configs_table(a.policy, b.policy, true), true});
  repeat.blocks.emplace_back(
      NamedTable{"settings", "All settings", configs_table(a.policy, b.policy, false), false});
  for (Section* section : {&stages, &tokens, &repeat}) {
    add_section(page, std::move(*section));
  }
  return page;
}

}  // namespace moesim
