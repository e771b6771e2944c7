#pragma once
// Private to this room: who gets a place when an expert is asked for too often. Every rule is an order of
// claims and a way of granting them, group by group; sources stand in drop_rules.cpp.

#include <cstdint>
#include <span>
#include <vector>

#include "dispatch/capacity.h"
#include "dispatch/plan.h"
#include "router/routing.h"

namespace moesim {

struct DropInput {
  const Assignments& assignments;
  const CapacityRule& rule;
  MatrixView logits = {};         // as in PlanInput
  std::uint64_t seed = 0;         // these three: rules that draw
  std::uint64_t first_token = 0;  // place of token 0 in the stream
  std::uint32_t layer = 0;
};

// The tokens [first, last) share the room.
struct ClaimGroup {
  Index first = 0;
  Index last = 0;
  Index capacity = 0;  // rows of each place
};

// Where every assignment goes.
struct Placement {
  std::vector<DropReason> reason;    // [N]
  std::vector<std::int32_t> expert;  // [N] whose row it gets; empty: as the router chose
  std::vector<float> weight;         // [N] of that row; empty: as the router made it
};

// Assignments per place: rows of neighbouring experts count together.
struct Places {
  Index experts_each = 1;
  Index count = 1;
};
Places places_of(const CapacityRule& rule, Index num_experts);

// The group's assignments in the order in which they claim room.
std::vector<Index> claim_order(const DropInput& input, const ClaimGroup& group);

// Decides the group's assignments: grants claims, then re-routes, as the rule says.
void place_group(const DropInput& input, const ClaimGroup& group, Placement& placement);

// Parts of place_group; `order` as from claim_order. All write the group's part of placement.reason.
struct Claims {
  const DropInput& input;
  const ClaimGroup& group;
  std::span<const Index> order;
};
// While the place has room. An assignment is dropped only where its place is full.
void grant_in_order(const Claims& claims, Placement& placement);
// Each expert takes the C best of all tokens of the group; those that did not ask count as 0.
void grant_among_all_tokens(const Claims& claims, Placement& placement);
// What the sequence is exempt from, and then the others while there is room.
void grant_with_exempt(const Claims& claims, Placement& placement);
// The refused ones draw free rows of other experts.
void recycle_refused(const Claims& claims, Placement& placement);
// The refused ones ask the token's next best experts.
void try_next_best(const Claims& claims, Placement& placement);

// Whether the token's sequence is exempt from drops.
bool is_exempt(const DropInput& input, Index token);

// Whose assignment it is. `a` must be one of the group.
Index token_of(const Assignments& assignments, Index a);

}  // namespace moesim
