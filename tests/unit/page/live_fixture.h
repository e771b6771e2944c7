#pragma once
// Results of the commands that store nothing, whose texts may be chosen.

#include <cmath>
#include <string>

#include "core/parallel.h"
#include "page/pages.h"
#include "page_parts.h"

namespace moesim::test {

// The router alone, a controller of biases and one of thresholds; the last of four experts computes nothing.
inline BalanceRecord a_loop(const std::string& text = "word", std::size_t steps = 60) {
  BalanceRecord record;
  record.name = text;
  record.config_source = text;
  record.resolved = {{"balance.controllers[0].kind", text, text}, {"seed", "7", "--set seed=7"}};
  record.router = text;
  record.stream = text;
  record.num_experts = 4;
  record.num_zero_experts = 1;
  record.tokens = 90;
  record.top_k = 1;
  record.seed = 7;
  record.noise_floor.max_violation = {0.1, 0.05, 0.2};
  record.courses = {
      {"none", "none", "", {}, {}, {60, 20, 10, 0}, Acts::adds},
      {text, "loss_free_sign", "balance.controllers[0]", {}, {}, {28, 30, 32, 0}, Acts::adds},
      {text, "expert_threshold", "balance.controllers[1]", {}, {}, {30, 30, 30, 0}, Acts::thresholds}};
  record.courses[1].last.bias = {0.25, -0.5, 0.125, 0};
  record.courses[2].last.thresholds = {0.5, 0.25, -std::numeric_limits<double>::infinity(), 0.75};
  for (std::size_t step = 0; step < steps; ++step) {
    const double left = static_cast<double>(step);
    record.courses[0].steps.push_back({1.0 + 0.01 * left, 0.5, 1, 0.8, 1, 1});
    record.courses[1].steps.push_back({1.0 / (1 + left), 0.25, 0, 0.6, 1, 1});
    record.courses[2].steps.push_back({step == 3 ? 0.0 : 0.7, 0.25, 0, 0.4, 1 + 0.001 * left, 1});
  }
  return record;
}

// Two sides measured in turns, with two layers of three experts.
inline CompareResult a_comparison(const std::string& text = "word") {
  CompareResult result;
  result.rounds = 12;
  for (const char* side : {"A", "B"}) {
    Comparison entry;
    entry.title = text + " " + side;
    const bool is_b = side[0] == 'B';
    entry.record = {{"p.name", text},
                    {"m.tokens_per_s", is_b ? 200.0 : 100.0},
                    {"m.load_cv", is_b ? 0.25 : 0.5},
                    {"machine.processor", text}};
    entry.timed = true;
    entry.speed = {is_b ? Speed::faster : Speed::no_clear_difference,
                   is_b ? Interval{2.0, 1.9, 2.1} : Interval{1, 1, 1}, 0.01};
    for (int i = 0; i < 12; ++i) {
      entry.seconds.push_back((is_b ? 0.5 : 1.0) + 0.01 * (12 - i));
    }
    entry.ratios = is_b ? std::vector<double>{2.1, 1.9, 2.0, 0.9, 2.2, 2.0} : std::vector<double>(6, 1.0);
    entry.loads =
        is_b ? std::vector<Counts>{{10, 10, 20}, {5, 5, 30}} : std::vector<Counts>{{20, 10, 10}, {5, 5, 30}};
    result.entries.push_back(std::move(entry));
  }
  result.entries[1].settings = {{"p." + text, text, std::int64_t{3}},
                                {"p.router.top_k", {}, std::int64_t{1}}};
  return result;
}

// Twelve tokens through two presets: real routers on real numbers, with titles of one's choice.
class TwoRouters {
 public:
  explicit TwoRouters(const std::string& preset_a = "deepseek_v3",
                      const std::string& preset_b = "deepseek_v3_zero_fill", const std::string& text = "")
      : a_(preset_a), b_(preset_b) {
    if (!text.empty()) {
      a_.policy.title = text;
      b_.policy.title = text;
      a_.policy.resolved.push_back({text, text, text});
    }
  }

  RoutedSide a() const { return a_.side(); }
  RoutedSide b() const { return b_.side(); }
  RouteDiff diff() const { return diff_routes(a(), b(), context_); }
  RouteDiffDetail detail() const { return diff_stages(a(), b(), context_); }
  Page page(const std::string& again = "moesim route") const {
    return route_diff_page(diff(), detail(), a(), b(), again);
  }

 private:
  struct Routed {
    explicit Routed(const std::string& preset) {
      constexpr Index kTokens = 12;
      constexpr Index kExperts = 8;
      std::vector<std::string> settings = {"router.top_k=2"};
      if (preset.rfind("deepseek", 0) == 0) {
        settings.insert(settings.end(), {"router.num_expert_groups=4", "router.num_limited_groups=2"});
      }
      policy = load_policy({.config = "", .preset = preset, .overrides = settings},
                           FixedExperts{kExperts, "the numbers", 1});
      numbers.logits.resize(kTokens, kExperts);
      numbers.batch.hidden.resize(kTokens, 1);
      numbers.batch.hidden.fill(0.0F);
      numbers.batch.token_id.resize(static_cast<std::size_t>(kTokens));
      for (Index t = 0; t < kTokens; ++t) {
        for (Index e = 0; e < kExperts; ++e) {
          numbers.logits.row(t)[static_cast<std::size_t>(e)] =
              std::sin(static_cast<float>(1 + t * 7 + e * e));
        }
      }
      // Below 0 with the scores, so that a masked expert with a score of 0 wins.
      numbers.state.expert_bias = std::vector<float>(static_cast<std::size_t>(kExperts), -0.68F);
      const Context context({.threads = 1});
      result = route_numbers(policy, numbers, context);
    }
    RoutedSide side() const { return {policy, numbers, result}; }
    Policy policy;
    RouteNumbers numbers;
    RouteResult result;
  };

  Context context_{{.threads = 1}};
  Routed a_, b_;
};

}  // namespace moesim::test
