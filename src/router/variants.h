#pragma once
// The families and what they share. One function per family, each defined in the family's own file.

#include "router/router.h"

namespace moesim {

RouterFamily router_base_assignment();
RouterFamily router_drawn();
RouterFamily router_expert_choice();
RouterFamily router_expert_threshold();
RouterFamily router_hash();
RouterFamily router_qb_dynamic();
RouterFamily router_random();
RouterFamily router_recorded();
RouterFamily router_round_robin();
RouterFamily router_sinkhorn();
RouterFamily router_soft();
RouterFamily router_sparsemixer();
RouterFamily router_token_choice();
RouterFamily router_top_any();
RouterFamily router_zipf();

// Keys of the `router:` section that name the variant. Families call moesim::bind with its namespace: the
// bare name finds std::bind by these arguments, which does nothing.
inline const std::vector<std::string> kRouterReserved = {"kind", "preset"};

// For an unknown key of the `router:` section: which families have it; "" when none has.
std::string families_with_key(const std::string& key);

// Room for exactly K experts per token; experts, weights and scores are 0.
Assignments exactly_k(Index num_experts, Index num_tokens, Index top_k);

}  // namespace moesim
