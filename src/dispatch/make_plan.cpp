// Routing → DispatchPlan: who is kept (drop.h), then a counting sort of the kept assignments by expert.
// Tokens are placed in order, so they ascend inside each expert.

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
  for (Index t = 0; t < assignments.num_tokens(); ++t) {
    MOESIM_CHECK(assignments.begin[t] <= assignments.begin[t + 1],
                 "a token with a negative number of assignments");
  }
  for (const std::int32_t expert : assignments.expert) {
    MOESIM_CHECK(expert >= 0 && expert < assignments.num_experts,
                 "an assignment to an expert that does not exist");
  }
}

// Fills capacity and drop_reason.
void decide_drops(const PlanInput& input, DispatchPlan& plan) {
  const Assignments& assignments = input.assignments;
  if (input.rule == nullptr) {
    plan.drop_reason.assign(assignments.size(), DropReason::kept);
    return;
  }
  plan.capacity = capacity_for(*input.rule, assignments.num_tokens(), input.top_k, assignments.num_experts);
  const std::vector<Index> order = claim_order({.assignments = assignments,
                                                .rule = input.rule->drop,
                                                .seed = input.seed,
                                                .first_token = input.first_token,
                                                .layer = input.layer});
  plan.drop_reason = grant_claims(assignments, order, *plan.capacity);
}

// Fills the rows from drop_reason and token_begin.
void place_rows(const Assignments& assignments, DispatchPlan& plan) {
  std::vector<Index> next(assignments.num_experts + 1);
  for (std::size_t a = 0; a < plan.drop_reason.size(); ++a) {
    next[assignments.expert[a]] += plan.drop_reason[a] == DropReason::kept ? 1 : 0;
  }
  std::exclusive_scan(next.begin(), next.end(), next.begin(), Index{0});
  plan.expert_begin = next;
  plan.row_token.resize(next.back());
  plan.row_weight.resize(next.back());
  plan.assignment_row.assign(plan.drop_reason.size(), -1);
  for (Index t = 0; t < plan.num_tokens(); ++t) {
    for (Index a = plan.token_begin[t]; a < plan.token_begin[t + 1]; ++a) {
      if (plan.drop_reason[a] == DropReason::kept) {
        const Index row = next[assignments.expert[a]]++;
        plan.assignment_row[a] = row;
        plan.row_token[row] = static_cast<std::int32_t>(t);
        plan.row_weight[row] = assignments.weight[a];
      }
    }
  }
}

// Each token's surviving weights over their sum, where that is positive. DeepSpeed and fairscale do this for
// every token, also for one that lost nothing.
void renormalise(DispatchPlan& plan) {
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
    if (sum > 0) {
      for_each_row([sum](float& weight) { weight = static_cast<float>(weight / sum); });
    }
  }
}

}  // namespace

DispatchPlan make_plan(const PlanInput& input) {
  check_input(input);
  const Assignments& assignments = input.assignments;
  DispatchPlan plan;
  plan.weight_on = assignments.weight_on;
  plan.pass_through = assignments.pass_through;
  plan.token_begin = assignments.begin.empty() ? std::vector<Index>{0} : assignments.begin;
  decide_drops(input, plan);
  place_rows(assignments, plan);
  if (input.rule != nullptr && input.rule->renorm == Renormalise::after_drop) {
    renormalise(plan);
  }
#ifdef MOESIM_CHECKS
  check_plan(plan, assignments);
#endif
  return plan;
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
