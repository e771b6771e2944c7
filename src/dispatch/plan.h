#pragma once
// The hub of the program: which rows run on which expert, as a plain value with an executable contract.
// Rows are grouped by expert and, inside an expert, ordered by token; there is no padding in the plan
// (executors pad their own last tile).

#include <cstdint>
#include <vector>

#include "core/matrix.h"
#include "dispatch/capacity.h"
#include "router/routing.h"

namespace moesim {

enum class DropReason : std::uint8_t { kept, capacity };

struct DispatchPlan {
  std::vector<Index> expert_begin;      // [E+1]: expert e computes rows [expert_begin[e], expert_begin[e+1])
  std::vector<std::int32_t> row_token;  // [R]
  std::vector<float> row_weight;        // [R]
  WeightOn weight_on = WeightOn::output;
  std::vector<Index> token_begin;       // [T+1]: token t's assignments, in the router's order
  std::vector<Index> assignment_row;    // [N]: its row, or −1 when dropped
  std::vector<DropReason> drop_reason;  // [N]
  std::vector<float> pass_through;      // [T], or empty: as the router gave it
  std::optional<Index> capacity;        // absent: dropless

  Index num_tokens() const { return static_cast<Index>(token_begin.size()) - 1; }
  Index num_experts() const { return static_cast<Index>(expert_begin.size()) - 1; }
  Index num_rows() const { return static_cast<Index>(row_token.size()); }
  Index num_assignments() const { return static_cast<Index>(assignment_row.size()); }
};

struct PlanInput {
  const Assignments& assignments;
  const CapacityRule* rule = nullptr;  // nullptr: dropless
  Index top_k = 1;                     // K for the capacity formula
  std::uint64_t seed = 0;              // of the random drop rule
  std::uint64_t first_token = 0;       // place of token 0 in the stream (random drop rule)
  std::uint32_t layer = 0;
};

// Linear in N (sorting rules: N log N). With MOESIM_CHECKS the result is checked.
DispatchPlan make_plan(const PlanInput& input);

// A plan that sends every token to the one expert with weight 1: dense layers and shared experts.
DispatchPlan make_identity_plan(Index num_tokens);

// Kept + dropped = routed; rows a permutation of the kept assignments; loads at most the capacity; tokens
// ascending inside an expert; weights those of the assignments unless renormalised. Throws Error(internal).
void check_plan(const DispatchPlan& plan, const Assignments& assignments);

}  // namespace moesim
