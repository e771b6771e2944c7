#pragma once
// Private to this room: who gets a place when an expert is asked for too often. Every rule is an order of
// claims; a claim is granted while its expert has room. Sources stand in drop.cpp.

#include <cstdint>
#include <span>
#include <vector>

#include "dispatch/capacity.h"
#include "dispatch/plan.h"
#include "router/routing.h"

namespace moesim {

struct ClaimInput {
  const Assignments& assignments;
  DropRule rule = DropRule::position_token_major;
  std::uint64_t seed = 0;         // these three: random rule only
  std::uint64_t first_token = 0;  // place of token 0 in the stream
  std::uint32_t layer = 0;
};

// The assignments [0,N) in the order in which they claim room.
std::vector<Index> claim_order(const ClaimInput& input);

// Grants the claims in order while the expert has room. Any order of all N assignments gives a plan in which
// an assignment is dropped only where its expert is full. Returns the reason of each assignment [N].
std::vector<DropReason> grant_claims(const Assignments& assignments, std::span<const Index> order,
                                     Index capacity);

}  // namespace moesim
