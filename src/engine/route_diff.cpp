#include "engine/route_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/text.h"

namespace moesim {
namespace {

constexpr double kTolerance = 1e-5;  // relative: two programs' floats of the same number

bool near(double a, double b) {
  return a == b || (std::isfinite(a) && std::isfinite(b) &&
                    std::abs(a - b) <= kTolerance * std::max(std::abs(a), std::abs(b)));
}

TokenTrace trace_of(const RoutedSide& side, Index token) {
  TokenTrace trace;
  const auto& a = std::get<Assignments>(side.result.routing);
  for (Index n = a.begin[static_cast<std::size_t>(token)]; n < a.begin[static_cast<std::size_t>(token) + 1];
       ++n) {
    const auto i = static_cast<std::size_t>(n);
    const Index row = side.result.plan.assignment_row[i];
    trace.expert.push_back(row >= 0 ? side.result.plan.expert_of_row(row) : a.expert[i]);
    trace.weight.push_back(row >= 0 ? side.result.plan.row_weight[static_cast<std::size_t>(row)] : 0.0F);
    trace.kept.push_back(row >= 0);
  }
  return trace;
}

std::map<std::int32_t, double> kept_weights(const TokenTrace& trace) {
  std::map<std::int32_t, double> weights;
  for (std::size_t i = 0; i < trace.expert.size(); ++i) {
    if (trace.kept[i]) {
      weights[trace.expert[i]] += trace.weight[i];
    }
  }
  return weights;
}

bool same_experts(const std::map<std::int32_t, double>& a, const std::map<std::int32_t, double>& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](const auto& x, const auto& y) { return x.first == y.first; });
}

bool same_weights(const std::map<std::int32_t, double>& a, const std::map<std::int32_t, double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(),
                    [](const auto& x, const auto& y) { return near(x.second, y.second); });
}

bool same_values(const StageValues& a, const StageValues& b) {
  return std::equal(a.values.begin(), a.values.end(), b.values.begin(), b.values.end(), near);
}

const StageValues* find_stage(const TokenTrace& trace, const std::string& name) {
  const auto found = std::find_if(trace.stages.begin(), trace.stages.end(),
                                  [&](const StageValues& stage) { return stage.stage == name; });
  return found == trace.stages.end() ? nullptr : &*found;
}

// The first stage, in the order of `a`, that both have and that differs; else what can be read from the
// result.
std::string parting_stage(const TokenTrace& a, const TokenTrace& b) {
  for (const StageValues& stage : a.stages) {
    const StageValues* other = find_stage(b, stage.stage);
    if (other != nullptr && !same_values(stage, *other)) {
      return stage.stage;
    }
  }
  if (a.expert != b.expert) {
    return "selection";
  }
  return a.kept != b.kept ? "capacity" : "weights";
}

// What can be said of a stage at one token.
struct StageAtToken {
  std::string stage;
  bool same = true;
  double largest = 0;
  Index expert = -1;
  bool masked = false;
};

StageAtToken compare_stage(const StageValues& a, const StageValues& b, std::size_t experts) {
  StageAtToken at{.stage = a.stage, .same = same_values(a, b)};
  // Else they are numbers of the chosen ones, which need not be the same.
  const bool of_all_experts = a.values.size() == experts && b.values.size() == experts;
  for (std::size_t e = 0; of_all_experts && a.stage != "selection" && e < experts; ++e) {
    const bool one_alone = std::isfinite(a.values[e]) != std::isfinite(b.values[e]);
    const double difference = std::abs(b.values[e] - a.values[e]);
    at.masked = at.masked || one_alone;
    if (std::isfinite(difference) && difference > at.largest) {
      at.largest = difference;
      at.expert = static_cast<Index>(e);
    }
  }
  return at;
}

double weight_of(const std::map<std::int32_t, double>& weights, std::int32_t expert) {
  const auto found = weights.find(expert);
  return found == weights.end() ? 0.0 : found->second;
}

// What happens to a token in the end: the weights by which its output is made.
StageAtToken compare_outcome(const TokenTrace& a, const TokenTrace& b) {
  const std::map<std::int32_t, double> left = kept_weights(a);
  const std::map<std::int32_t, double> right = kept_weights(b);
  StageAtToken at{.stage = "goes to", .same = same_experts(left, right) && same_weights(left, right)};
  for (const auto* side : {&left, &right}) {
    for (const auto& entry : *side) {
      const double difference = std::abs(weight_of(left, entry.first) - weight_of(right, entry.first));
      if (difference > at.largest) {
        at.largest = difference;
        at.expert = entry.first;
      }
    }
  }
  return at;
}

// All stages that both have. Routers that tell none have what can be read from their results.
struct StagesWanted {
  std::size_t experts;  // E
  bool capacity;        // either side has one
};
std::vector<StageAtToken> compare_token(const TokenTrace& a, const TokenTrace& b,
                                        const StagesWanted& wanted) {
  std::vector<StageAtToken> stages;
  for (const StageValues& stage : a.stages) {
    if (const StageValues* other = find_stage(b, stage.stage)) {
      stages.push_back(compare_stage(stage, *other, wanted.experts));
    }
  }
  if (stages.empty()) {
    stages.push_back({.stage = "selection", .same = a.expert == b.expert});
    stages.push_back({.stage = "weights", .same = same_weights(kept_weights(a), kept_weights(b))});
  }
  if (wanted.capacity) {
    stages.push_back({.stage = "capacity", .same = a.kept == b.kept});
  }
  stages.push_back(compare_outcome(a, b));
  return stages;
}

void add_token(RouteDiffDetail& detail, Index token, const std::vector<StageAtToken>& stages) {
  if (detail.stages.empty()) {
    for (const StageAtToken& at : stages) {
      detail.stages.push_back({.stage = at.stage});
    }
  }
  for (std::size_t s = 0; s < detail.stages.size(); ++s) {
    StageDiff& stage = detail.stages[s];
    stage.same += stages[s].same ? 1 : 0;
    stage.masked += stages[s].masked ? 1 : 0;
    if (stages[s].largest > stage.largest) {
      stage.largest = stages[s].largest;
      stage.token = token;
      stage.expert = stages[s].expert;
    }
  }
}

const Assignments& assignments_of(const RoutedSide& side) {
  const auto* a = std::get_if<Assignments>(&side.result.routing);
  if (a == nullptr) {
    throw Error(
        ErrorKind::usage,
        fmt::format(
            "moesim route: error: {} is a soft router, which chooses no experts; expected two routers "
            "that choose [bad-option]",
            display_safe(side.policy.title)));
  }
  return *a;
}

RouterInput input_of(const RoutedSide& side, const Context& context) {
  return {side.numbers.batch,
          side.numbers.logits.view(),
          side.numbers.state,
          side.policy.seed,
          0,
          context,
          side.numbers.noise_deviation.view()};
}

}  // namespace

RouteDiff diff_routes(const RoutedSide& a, const RoutedSide& b, const Context& context) {
  RouteDiff diff;
  diff.num_tokens = assignments_of(a).num_tokens();
  MOESIM_CHECK(assignments_of(b).num_tokens() == diff.num_tokens, "two routings of different tokens");
  for (Index t = 0; t < diff.num_tokens; ++t) {
    const std::map<std::int32_t, double> left = kept_weights(trace_of(a, t));
    const std::map<std::int32_t, double> right = kept_weights(trace_of(b, t));
    const bool experts = same_experts(left, right);
    const bool all = experts && same_weights(left, right);
    diff.same_experts += experts ? 1 : 0;
    diff.same += all ? 1 : 0;
    if (!all && !diff.token) {
      diff.token = t;
    }
  }
  if (diff.token) {
    diff.a = trace_of(a, *diff.token);
    diff.b = trace_of(b, *diff.token);
    diff.a.stages = a.policy.router->trace(input_of(a, context), *diff.token);
    diff.b.stages = b.policy.router->trace(input_of(b, context), *diff.token);
    diff.stage = parting_stage(diff.a, diff.b);
  }
  return diff;
}

RouteDiffDetail diff_stages(const RoutedSide& a, const RoutedSide& b, const Context& context) {
  RouteDiffDetail detail;
  detail.tokens = std::min(kMostTracedTokens, assignments_of(a).num_tokens());
  MOESIM_CHECK(assignments_of(b).num_tokens() == assignments_of(a).num_tokens(),
               "two routings of different tokens");
  const StagesWanted wanted{static_cast<std::size_t>(a.result.num_experts),
                            a.policy.capacity.has_value() || b.policy.capacity.has_value()};
  for (Index t = 0; t < detail.tokens; ++t) {
    TokenTrace left = trace_of(a, t);
    TokenTrace right = trace_of(b, t);
    left.stages = a.policy.router->trace(input_of(a, context), t);
    right.stages = b.policy.router->trace(input_of(b, context), t);
    const std::vector<StageAtToken> stages = compare_token(left, right, wanted);
    add_token(detail, t, stages);
    if (stages.back().same) {
      continue;
    }
    ++detail.num_parted;
    const std::string parting = parting_stage(left, right);
    const auto here = std::find_if(detail.stages.begin(), detail.stages.end(),
                                   [&](const StageDiff& stage) { return stage.stage == parting; });
    // What no listed stage explains shows in the outcome alone.
    ++(here == detail.stages.end() ? detail.stages.back() : *here).parts;
    if (detail.parted.size() < kMostPartedTokens) {
      left.stages.clear();
      right.stages.clear();
      detail.parted.push_back({t, parting, std::move(left), std::move(right)});
    }
  }
  return detail;
}

}  // namespace moesim
