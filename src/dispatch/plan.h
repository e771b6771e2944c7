#pragma once
// The hub of the program: which rows run on which expert, as a plain value with an executable contract.
// Rows are grouped by expert and, inside an expert, ordered by token; there is no padding in the plan
// (executors pad their own last tile).

#include <cstdint>
#include <optional>
#include <vector>

#include "core/matrix.h"
#include "dispatch/capacity.h"
#include "router/routing.h"

namespace moesim {

// What became of an assignment.
enum class DropReason : std::uint8_t {
  kept,       // has a row of the expert the router chose
  capacity,   // dropped: its expert (or device) was full
  rerouted,   // has a row of another expert, as its own was full
  exempt,     // has a row of its expert whether or not there was room
  outranked,  // dropped although its expert had room: ranked behind tokens that did not ask (deepspeed_probs)
};

constexpr bool has_row(DropReason reason) {
  return reason != DropReason::capacity && reason != DropReason::outranked;
}

// The room that a plan was made for. A place is an expert or, where devices have the room, one device's
// experts.
struct PlanRoom {
  Index group_tokens = 0;            // tokens of each group; the last group may have fewer
  std::vector<Index> capacity;       // [groups] rows one place may take of the group's tokens
  Index place_experts = 1;           // neighbouring experts that share a place
  std::optional<double> renorm_eps;  // surviving weights were divided by their sum, at least this
};

struct DispatchPlan {
  std::vector<Index> expert_begin;      // [E+1]: expert e computes rows [expert_begin[e], expert_begin[e+1])
  std::vector<std::int32_t> row_token;  // [R]
  std::vector<float> row_weight;        // [R]
  WeightOn weight_on = WeightOn::output;
  std::vector<Index> token_begin;       // [T+1]: token t's assignments, in the router's order
  std::vector<Index> assignment_row;    // [N]: its row, or −1 when dropped
  std::vector<DropReason> drop_reason;  // [N]
  std::vector<float> pass_through;      // [T], or empty: as the router gave it
  std::optional<PlanRoom> room;         // absent: dropless

  Index num_tokens() const { return static_cast<Index>(token_begin.size()) - 1; }
  Index num_experts() const { return static_cast<Index>(expert_begin.size()) - 1; }
  Index num_rows() const { return static_cast<Index>(row_token.size()); }
  Index num_assignments() const { return static_cast<Index>(assignment_row.size()); }

  // Rows one place may take of one group, the largest of all groups. Absent: dropless.
  std::optional<Index> capacity() const;
  // Tokens that have a row of one of the first `experts` experts.
  Index tokens_of_first(Index experts) const;
  // Whose row it is.
  std::int32_t expert_of_row(Index row) const;
};

struct PlanInput {
  const Assignments& assignments;
  const CapacityRule* rule = nullptr;  // nullptr: dropless
  Index top_k = 1;                     // K for the capacity formula
  MatrixView logits = {};              // [T,E] of the gate: who is next best (ntlb), and the weight of what
                                       // was re-routed (ntlb, recycle); no rows: no gate
  std::uint64_t seed = 0;              // of the random, recycle and device_level rules
  std::uint64_t first_token = 0;       // place of token 0 in the stream (the same rules)
  std::uint32_t layer = 0;
};

// Linear in N (sorting rules: N log N; what is re-routed takes K·E more each). With MOESIM_CHECKS the result
// is checked.
DispatchPlan make_plan(const PlanInput& input);
// The same into `plan`, whose memory is used again: a dropless plan then asks for none.
void make_plan_into(const PlanInput& input, DispatchPlan& plan);

// A plan that sends every token to the one expert with weight 1: dense layers and shared experts.
DispatchPlan make_identity_plan(Index num_tokens);

// Kept + dropped = routed; rows a permutation of what has a row; every place within its room but for what is
// exempt, and full where it dropped; re-routed rows at an expert the token did not choose; tokens ascending
// inside an expert; weights those of the assignments, over their sum where renormalised, finite where
// re-routed. Throws Error(internal).
void check_plan(const DispatchPlan& plan, const Assignments& assignments);

}  // namespace moesim
