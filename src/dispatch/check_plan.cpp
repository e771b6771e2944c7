// The contract of a DispatchPlan, executable. It knows nothing of how plans are made: every claim is checked
// against the assignments alone.

#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "core/error.h"
#include "dispatch/plan.h"

namespace moesim {
namespace {

std::string text(const char* what, Index number) {
  return std::string(what) + " " + std::to_string(number);
}

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
  MOESIM_CHECK(!plan.capacity.has_value() || *plan.capacity >= 0, "the plan's capacity is negative");
  MOESIM_CHECK(plan.expert_begin.front() == 0 && plan.expert_begin.back() == plan.num_rows(),
               "the plan's experts do not cover its rows");
  for (Index e = 0; e < plan.num_experts(); ++e) {
    const Index load = plan.expert_begin[e + 1] - plan.expert_begin[e];
    MOESIM_CHECK(load >= 0, text("expert", e) + " has a negative number of rows");
    MOESIM_CHECK(!plan.capacity.has_value() || load <= *plan.capacity,
                 text("expert", e) + " holds more than the capacity");
  }
  // Only now are all expert_begin known to lie inside the rows.
  for (Index e = 0; e < plan.num_experts(); ++e) {
    for (Index row = plan.expert_begin[e] + 1; row < plan.expert_begin[e + 1]; ++row) {
      MOESIM_CHECK(plan.row_token[row - 1] < plan.row_token[row],
                   "tokens do not ascend inside " + text("expert", e));
    }
  }
}

// One assignment's row: the right expert, the right token, used once.
void check_row(const DispatchPlan& plan, const Assignments& assignments, Index token, Index a,
               std::vector<bool>& used) {
  const Index row = plan.assignment_row[a];
  MOESIM_CHECK((row >= 0) == (plan.drop_reason[a] == DropReason::kept),
               text("assignment", a) + " is both dropped and placed, or neither");
  if (row < 0) {
    MOESIM_CHECK(row == -1, text("assignment", a) + " has a row below -1");
    MOESIM_CHECK(plan.capacity.has_value(),
                 text("assignment", a) + " is dropped in a plan without a capacity");
    return;
  }
  const std::int32_t e = assignments.expert[a];
  MOESIM_CHECK(e >= 0 && e < plan.num_experts(),
               text("assignment", a) + " is for an expert that does not exist");
  MOESIM_CHECK(row >= plan.expert_begin[e] && row < plan.expert_begin[e + 1],
               text("assignment", a) + " stands in a row of another expert");
  MOESIM_CHECK(plan.row_token[row] == token, text("assignment", a) + " stands in a row of another token");
  MOESIM_CHECK(!used[row], text("assignment", a) + " shares its row");
  used[row] = true;
}

// The weights of all rows are those of the assignments, or (with a capacity) all are these over the sum of
// the token's surviving ones.
void check_weights(const DispatchPlan& plan, const Assignments& assignments) {
  bool plain = true;
  bool renormalised = plan.capacity.has_value();
  for (Index t = 0; t < plan.num_tokens(); ++t) {
    double sum = 0;
    for (Index a = plan.token_begin[t]; a < plan.token_begin[t + 1]; ++a) {
      sum += plan.assignment_row[a] >= 0 ? static_cast<double>(assignments.weight[a]) : 0.0;
    }
    for (Index a = plan.token_begin[t]; a < plan.token_begin[t + 1]; ++a) {
      if (plan.assignment_row[a] >= 0) {
        const float weight = plan.row_weight[plan.assignment_row[a]];
        const float given = assignments.weight[a];
        plain = plain && weight == given;
        renormalised = renormalised && weight == (sum > 0 ? static_cast<float>(given / sum) : given);
      }
    }
    MOESIM_CHECK(plain || renormalised, text("token", t) + " has other weights than the router gave it");
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
    MOESIM_CHECK(used[row], text("row", row) + " belongs to no assignment");
  }
  check_weights(plan, assignments);
}

}  // namespace moesim
