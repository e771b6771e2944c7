// The contract of a DispatchPlan, executable. It knows nothing of how plans are made: every claim is checked
// against the assignments alone. The room has its own page, check_room.cpp.

#include <cmath>
#include <cstdint>
#include <iterator>
#include <vector>

#include "core/error.h"
#include "dispatch/check_room.h"
#include "dispatch/plan.h"

namespace moesim {
namespace {

void check_sizes(const DispatchPlan& plan, const Assignments& assignments) {
  const Index size = assignments.size();
  MOESIM_CHECK(plan.token_begin == (assignments.begin.empty() ? std::vector<Index>{0} : assignments.begin),
               "the plan's tokens own other assignments than the router gave them");
  MOESIM_CHECK(std::ssize(plan.assignment_row) == size && std::ssize(plan.drop_reason) == size,
               "the plan has another number of assignments than the router");
  MOESIM_CHECK(plan.row_token.size() == plan.row_weight.size(),
               "the plan's rows and weights differ in number");
  MOESIM_CHECK(plan.num_experts() == assignments.num_experts,
               "the plan has another number of experts than the router");
  MOESIM_CHECK(plan.weight_on == assignments.weight_on, "the plan puts the weight elsewhere than the router");
  MOESIM_CHECK(plan.pass_through == assignments.pass_through,
               "the plan lets other shares of the tokens pass through than the router");
}

void check_experts(const DispatchPlan& plan) {
  MOESIM_CHECK(plan.expert_begin.front() == 0 && plan.expert_begin.back() == plan.num_rows(),
               "the plan's experts do not cover its rows");
  for (Index e = 0; e < plan.num_experts(); ++e) {
    MOESIM_CHECK(plan.expert_begin[e] <= plan.expert_begin[e + 1],
                 plan_text("expert", e) + " has a negative number of rows");
  }
  // Only now are all expert_begin known to lie inside the rows.
  for (Index e = 0; e < plan.num_experts(); ++e) {
    for (Index row = plan.expert_begin[e] + 1; row < plan.expert_begin[e + 1]; ++row) {
      // A token may have two rows of an expert that it chose twice.
      MOESIM_CHECK(plan.row_token[row - 1] <= plan.row_token[row],
                   "tokens do not ascend inside " + plan_text("expert", e));
    }
  }
}

bool chose(const DispatchPlan& plan, const Assignments& assignments, Index token, std::int32_t expert) {
  for (Index a = plan.token_begin[token]; a < plan.token_begin[token + 1]; ++a) {
    if (assignments.expert[a] == expert) {
      return true;
    }
  }
  return false;
}

// One assignment's row: the right expert, the right token, used once.
void check_row(const DispatchPlan& plan, const Assignments& assignments, Index token, Index a,
               std::vector<bool>& used) {
  const Index row = plan.assignment_row[a];
  MOESIM_CHECK((row >= 0) == has_row(plan.drop_reason[a]),
               plan_text("assignment", a) + " is both dropped and placed, or neither");
  MOESIM_CHECK(plan.room.has_value() || plan.drop_reason[a] == DropReason::kept,
               plan_text("assignment", a) + " is dropped in a plan without a capacity");
  if (row < 0) {
    MOESIM_CHECK(row == -1, plan_text("assignment", a) + " has a row below -1");
    return;
  }
  const std::int32_t e = assignments.expert[a];
  MOESIM_CHECK(e >= 0 && e < plan.num_experts(),
               plan_text("assignment", a) + " is for an expert that does not exist");
  MOESIM_CHECK(row < plan.num_rows(), plan_text("assignment", a) + " has a row that does not exist");
  const std::int32_t owner = plan.expert_of_row(row);
  if (plan.drop_reason[a] == DropReason::rerouted) {
    MOESIM_CHECK(!chose(plan, assignments, token, owner),
                 plan_text("assignment", a) + " is re-routed to an expert that its token chose");
  } else {
    MOESIM_CHECK(owner == e, plan_text("assignment", a) + " stands in a row of another expert");
  }
  MOESIM_CHECK(plan.row_token[row] == token,
               plan_text("assignment", a) + " stands in a row of another token");
  MOESIM_CHECK(!used[row], plan_text("assignment", a) + " shares its row");
  used[row] = true;
}

// The weights of the token's rows are those of its assignments, over their sum where the plan says so. What
// a re-routed row weighs is between the rule and the gate: it must be finite, and the sum is not known.
void check_weights(const DispatchPlan& plan, const Assignments& assignments, Index token) {
  double sum = 0;
  bool moved = false;
  for (Index a = plan.token_begin[token]; a < plan.token_begin[token + 1]; ++a) {
    sum += plan.assignment_row[a] >= 0 ? static_cast<double>(assignments.weight[a]) : 0.0;
    moved = moved || plan.drop_reason[a] == DropReason::rerouted;
  }
  const bool renormalised = plan.room && plan.room->renorm_eps;
  const double divisor = renormalised ? std::max(sum, *plan.room->renorm_eps) : 1.0;
  for (Index a = plan.token_begin[token]; a < plan.token_begin[token + 1]; ++a) {
    if (plan.assignment_row[a] < 0) {
      continue;
    }
    const float weight = plan.row_weight[plan.assignment_row[a]];
    MOESIM_CHECK(std::isfinite(weight), plan_text("token", token) + " has a weight that is not finite");
    const float given = assignments.weight[a];
    const bool unknown = moved && (renormalised || plan.drop_reason[a] == DropReason::rerouted);
    MOESIM_CHECK(unknown || weight == (divisor > 0 ? static_cast<float>(given / divisor) : given),
                 plan_text("token", token) + " has other weights than the router gave it");
  }
}

}  // namespace

void check_plan(const DispatchPlan& plan, const Assignments& assignments) {
  check_sizes(plan, assignments);
  check_experts(plan);
  std::vector<bool> used(plan.row_token.size());
  for (Index t = 0; t < plan.num_tokens(); ++t) {
    for (Index a = plan.token_begin[t]; a < plan.token_begin[t + 1]; ++a) {
      check_row(plan, assignments, t, a, used);
    }
  }
  for (Index row = 0; row < plan.num_rows(); ++row) {
    MOESIM_CHECK(used[row], plan_text("row", row) + " belongs to no assignment");
  }
  for (Index t = 0; t < plan.num_tokens(); ++t) {
    check_weights(plan, assignments, t);
  }
  if (plan.room) {
    check_room(plan, assignments);
  }
}

}  // namespace moesim
