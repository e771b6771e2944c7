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

}  // namespace moesim
