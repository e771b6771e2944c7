// Routing → DispatchPlan: who is kept and where (drop.h), then a counting sort of the rows by expert.
// Tokens are placed in order, so they ascend inside each expert.

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "dispatch/drop.h"
#include "dispatch/plan.h"

namespace moesim {
namespace {

// What makes memory accesses below safe; the router's own contract says more.
void check_input(const PlanInput& input) {
  const Assignments& assignments = input.assignments;
  const Index size = assignments.size();
  MOESIM_CHECK(assignments.num_tokens() <= std::numeric_limits<std::int32_t>::max(),
               "too many tokens for a plan");
  MOESIM_CHECK(std::ssize(assignments.weight) == size && std::ssize(assignments.score) == size,
               "assignments whose arrays differ in length");
  MOESIM_CHECK(assignments.begin.empty() ? size == 0
                                         : assignments.begin.front() == 0 && assignments.begin.back() == size,
               "assignments that do not belong to tokens");
  MOESIM_CHECK(
      assignments.pass_through.empty() || std::ssize(assignments.pass_through) == assignments.num_tokens(),
      "assignments whose tokens pass through in another number");
  MOESIM_CHECK(std::is_sorted(assignments.begin.begin(), assignments.begin.end()),
               "a token with a negative number of assignments");
  // Without branches, for it looks at every assignment; a negative number is a large one.
  std::uint32_t bad = 0;
  const auto experts = static_cast<std::uint32_t>(assignments.num_experts);
  for (const std::int32_t expert : assignments.expert) {
    bad |= static_cast<std::uint32_t>(expert) >= experts ? 1U : 0U;
  }
  MOESIM_CHECK(bad == 0, "an assignment to an expert that does not exist");
  MOESIM_CHECK(input.logits.rows == 0 || (input.logits.rows == assignments.num_tokens() &&
                                          input.logits.cols == assignments.num_experts),
               "logits that do not belong to the assignments");
}

// Assignments that the busiest place is asked for by tokens [first, last).
Index max_load(const Assignments& assignments, const Places& places, Index first, Index last) {
  if (first == last) {
    return 0;
  }
  std::vector<Index> load(places.count);
  for (Index a = assignments.begin[first]; a < assignments.begin[last]; ++a) {
    ++load[assignments.expert[a] / places.experts_each];
  }
  return load.empty() ? 0 : *std::max_element(load.begin(), load.end());
}

// Group by group. Fills plan.room; without a rule everything is kept.
Placement decide(const PlanInput& input, DispatchPlan& plan) {
  const Assignments& assignments = input.assignments;
  Placement placement;
  placement.reason = std::move(plan.drop_reason);  // its memory
  placement.reason.assign(assignments.size(), DropReason::kept);
  plan.room.reset();
  if (input.rule == nullptr) {
    return placement;
  }
  const CapacityRule& rule = *input.rule;
  const DropInput drop{.assignments = assignments,
                       .rule = rule,
                       .logits = input.logits,
                       .seed = input.seed,
                       .first_token = input.first_token,
                       .layer = input.layer};
  const Places places = places_of(rule, assignments.num_experts);
  const Index tokens = assignments.num_tokens();
  PlanRoom& room = plan.room.emplace();
  room.place_experts = places.experts_each;
  room.group_tokens = rule.group > 0 ? std::min<Index>(rule.group, std::max<Index>(1, tokens)) : tokens;
  if (rule.renorm == Renormalise::after_drop) {
    room.renorm_eps = rule.renorm_eps;
  }
  Index first = 0;
  do {  // no tokens are one empty group
    const Index last = std::min(tokens, first + room.group_tokens);
    const CapacityDemand demand{
        .tokens = last - first,
        .top_k = input.top_k,
        .experts = places.count,
        .max_load = looks_at_loads(rule) ? max_load(assignments, places, first, last) : 0};
    room.capacity.push_back(capacity_for(rule, demand));
    place_group(drop, {.first = first, .last = last, .capacity = room.capacity.back()}, placement);
    first = last;
  } while (first < tokens);
  return placement;
}

// Fills the rows from the placement and token_begin.
void place_rows(const Assignments& assignments, Placement placement, DispatchPlan& plan) {
  const std::vector<std::int32_t>& expert = placement.expert.empty() ? assignments.expert : placement.expert;
  const std::vector<float>& weight = placement.weight.empty() ? assignments.weight : placement.weight;
  plan.drop_reason = std::move(placement.reason);
  const bool all_kept = !plan.room;
  // expert_begin[e] counts, then says where e begins, then where its next row goes, which is where e + 1
  // began when all have been placed.
  std::vector<Index>& next = plan.expert_begin;
  next.assign(assignments.num_experts + 1, 0);
  for (std::size_t a = 0; a < plan.drop_reason.size(); ++a) {
    next[expert[a]] += all_kept || has_row(plan.drop_reason[a]) ? 1 : 0;
  }
  std::exclusive_scan(next.begin(), next.end(), next.begin(), Index{0});
  plan.row_token.resize(next.back());
  plan.row_weight.resize(next.back());
  plan.assignment_row.resize(plan.drop_reason.size());
  for (Index t = 0; t < plan.num_tokens(); ++t) {
    for (Index a = plan.token_begin[t]; a < plan.token_begin[t + 1]; ++a) {
      if (!all_kept && !has_row(plan.drop_reason[a])) {
        plan.assignment_row[a] = -1;
        continue;
      }
      const Index row = next[expert[a]]++;
      plan.assignment_row[a] = row;
      plan.row_token[row] = static_cast<std::int32_t>(t);
      plan.row_weight[row] = weight[a];
    }
  }
  std::copy_backward(next.begin(), next.end() - 1, next.end());
  next.front() = 0;
}

// Each token's surviving weights over their sum, at least `eps`; with eps 0 only where the sum is above 0.
// The sources do this for every token, also for one that lost nothing.
void renormalise(DispatchPlan& plan, double eps) {
  for (Index t = 0; t < plan.num_tokens(); ++t) {
    const auto for_each_row = [&plan, t](auto&& body) {
      for (Index a = plan.token_begin[t]; a < plan.token_begin[t + 1]; ++a) {
        if (plan.assignment_row[a] >= 0) {
          body(plan.row_weight[plan.assignment_row[a]]);
        }
      }
    };
    double sum = 0;
    for_each_row([&sum](float weight) { sum += weight; });
    const double divisor = std::max(sum, eps);
    if (divisor > 0) {
      for_each_row([divisor](float& weight) { weight = static_cast<float>(weight / divisor); });
    }
  }
}

}  // namespace

std::optional<Index> DispatchPlan::capacity() const {
  return room ? std::optional<Index>(*std::max_element(room->capacity.begin(), room->capacity.end()))
              : std::nullopt;
}

Index DispatchPlan::tokens_of_first(Index experts) const {
  const Index rows = expert_begin[static_cast<std::size_t>(experts)];
  std::vector<bool> found(static_cast<std::size_t>(num_tokens()), false);
  for (Index r = 0; r < rows; ++r) {
    found[static_cast<std::size_t>(row_token[static_cast<std::size_t>(r)])] = true;
  }
  return static_cast<Index>(std::count(found.begin(), found.end(), true));
}

std::int32_t DispatchPlan::expert_of_row(Index row) const {
  const auto after = std::upper_bound(expert_begin.begin(), expert_begin.end(), row);
  return static_cast<std::int32_t>(after - expert_begin.begin() - 1);
}

DispatchPlan make_plan(const PlanInput& input) {
  DispatchPlan plan;
  make_plan_into(input, plan);
  return plan;
}

void make_plan_into(const PlanInput& input, DispatchPlan& plan) {
  check_input(input);
  const Assignments& assignments = input.assignments;
  plan.weight_on = assignments.weight_on;
  plan.pass_through = assignments.pass_through;
  if (assignments.begin.empty()) {
    plan.token_begin = {0};
  } else {
    plan.token_begin = assignments.begin;
  }
  place_rows(assignments, decide(input, plan), plan);
  if (plan.room && plan.room->renorm_eps) {
    renormalise(plan, *plan.room->renorm_eps);
  }
#ifdef MOESIM_CHECKS
  check_plan(plan, assignments);
#endif
}

DispatchPlan make_identity_plan(Index num_tokens) {
  MOESIM_CHECK(num_tokens >= 0 && num_tokens <= std::numeric_limits<std::int32_t>::max(),
               "an identity plan for an impossible number of tokens");
  DispatchPlan plan;
  plan.expert_begin = {0, num_tokens};
  plan.row_token.resize(num_tokens);
  std::iota(plan.row_token.begin(), plan.row_token.end(), 0);
  plan.row_weight.assign(num_tokens, 1.0F);
  plan.token_begin.resize(num_tokens + 1);
  std::iota(plan.token_begin.begin(), plan.token_begin.end(), Index{0});
  plan.assignment_row.assign(plan.token_begin.begin(), plan.token_begin.end() - 1);
  plan.drop_reason.assign(num_tokens, DropReason::kept);
  return plan;
}

}  // namespace moesim
