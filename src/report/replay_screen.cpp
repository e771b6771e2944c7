#include "report/replay_screen.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.h"
#include "report/compare_screen.h"
#include "report/numbers.h"
#include "report/sparkline.h"
#include "report/trace_rows.h"

namespace moesim {
namespace {

constexpr std::size_t kMostLines = 128;
constexpr int kCourseWidth = 60;

double dropped_fraction(const LayerResult& layer) {
  const auto routed = static_cast<double>(layer.counts.assignments);
  return routed == 0 ? 0.0 : 1.0 - static_cast<double>(layer.counts.kept) / routed;
}

std::string head(const ReplayPlan& plan) {
  const std::size_t layers = plan.summary.layers.size();
  std::string text = fmt::format("replay   {}   {} of {}, {} experts, top-{}\n", display_safe(plan.trace),
                                 counted(most_tokens(plan.summary), "token"), counted(layers, "layer"),
                                 plan.shape.num_experts, plan.shape.top_k);
  if (!plan.summary.info.by_token) {
    text += "         counts, not tokens: experts are drawn with the recorded loads\n";
  }
  for (const std::string& note : plan.summary.info.notes) {
    text += fmt::format("note     {}\n", display_safe(note));
  }
  for (const std::string& note : plan.shape.notes) {
    text += fmt::format("note     {}\n", display_safe(note));
  }
  return text;
}

std::string layer_lines(const ReplayPlan& plan, const Replay& replay) {
  std::string text = fmt::format(
      "\nLAYERS  before drops, beside what a uniform random router would show\n"
      "  layer   busiest  max_violation  chance   load CV  chance  experts used{}\n",
      plan.has_capacity ? "  dropped" : "");
  const std::size_t shown = std::min(plan.summary.layers.size(), kMostLines);
  for (std::size_t l = 0; l < shown; ++l) {
    const LayerSummary& layer = plan.summary.layers[l];
    const auto busiest = std::max_element(layer.load.count.begin(), layer.load.count.end());
    const auto chance = [&](Floor NoiseFloor::*metric) {
      return layer.floor ? fmt::format("{:.3f}", ((*layer.floor).*metric).mean) : std::string("-");
    };
    text += fmt::format(
        "  {:>5}  {:>8}  {:>13.3f}  {:>6}  {:>8.3f}  {:>6}  {:>12}", layer.layer,
        fmt::format("e{}", busiest - layer.load.count.begin()), layer.stats.max_violation,
        chance(&NoiseFloor::max_violation), layer.stats.cv, chance(&NoiseFloor::cv),
        fmt::format("{} of {}", layer.num_experts() - layer.stats.dead_experts, layer.num_experts()));
    text += plan.has_capacity && l < replay.every_layer.layers.size()
                ? fmt::format("  {:>7}\n", percent(dropped_fraction(replay.every_layer.layers[l])))
                : "\n";
  }
  if (shown < plan.summary.layers.size()) {
    text += fmt::format("  and {} more layers: -o csv has them all\n", plan.summary.layers.size() - shown);
  }
  return text;
}

std::string course(const ReplayPlan& plan, const Replay& replay, const ScreenStyle& style) {
  const std::vector<StepRow>& steps = replay.every_layer.step_rows;
  if (steps.size() < 2) {
    return "";
  }
  const auto line = [&](const char* title, double StepRow::*metric) {
    std::vector<double> values;
    for (const StepRow& step : steps) {
      values.push_back(step.*metric);
    }
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    return fmt::format(
        "  {:<16} {}  {:.3f} to {:.3f}\n", title,
        sparkline(values, *high, std::min<int>(kCourseWidth, static_cast<int>(values.size())), style.unicode),
        *low, *high);
  };
  return fmt::format("\nOVER TIME  {} of {} tokens, mean over layers\n", counted(steps.size(), "step"),
                     with_commas(static_cast<std::uint64_t>(replay.every_layer.tokens))) +
         line("max_violation", &StepRow::max_violation) + line("load CV", &StepRow::load_cv) +
         (plan.has_capacity ? line("dropped", &StepRow::dropped_fraction) : "");
}

}  // namespace

std::string render_replay(const ReplayPlan& plan, const Replay& replay, const ScreenStyle& style) {
  return head(plan) + layer_lines(plan, replay) + course(plan, replay, style) +
         fmt::format(
             "\nEXECUTED  layer {}{}: {} experts of {} by {}, weights made up; A as recorded, B uniform\n",
             plan.layer, plan.shape.model.empty() ? "" : " of " + plan.shape.model, plan.shape.num_experts,
             plan.shape.d_model, plan.shape.d_ff) +
         render_comparison({replay.comparison}, style);
}

std::vector<FlatRow> replay_rows(const ReplayPlan& plan, const Replay& replay) {
  std::vector<FlatRow> rows = trace_rows(plan.summary);
  for (std::size_t l = 0; l < rows.size(); ++l) {
    for (FlatEntry& entry : rows[l]) {
      if (entry.name == "schema") {
        entry.value = std::string("moesim.replay/1");
      }
    }
    if (l < replay.every_layer.layers.size()) {
      rows[l].push_back({"m.dropped_fraction", dropped_fraction(replay.every_layer.layers[l])});
    }
  }
  for (FlatRow& row : comparison_rows({replay.comparison})) {
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace moesim
