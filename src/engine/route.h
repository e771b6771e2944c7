#pragma once
// Given numbers through one router: the exact interface between moesim and other programs. No workload, no
// experts, one layer.

#include <string>
#include <vector>

#include "dispatch/plan.h"
#include "engine/policy.h"
#include "metrics/load.h"
#include "workload/token_batch.h"

namespace moesim {

// Paths of .npy files; empty: not given.
struct RouteFiles {
  std::string logits;      // [T,E]: used as they are
  std::string hidden;      // [T,D]
  std::string gate;        // [E,D]: with hidden, the weights that make the logits; else seeded ones
  std::string gate_bias;   // [E]
  std::string projection;  // [gate_dim,D]: the first matrix of a gate of two
  std::string token_ids;   // [T], whole numbers
  std::string table;       // [V,K], whole numbers: a hash router's experts of each token id
  std::string bias;        // [E]: selection bias, in place of router.expert_bias
};

// What the files hold, in the shape that routers take.
struct RouteNumbers {
  TokenBatch batch;
  Matrix logits;           // [T,E], or no rows
  Matrix noise_deviation;  // [T,E], or no rows
  RouterState state;
};

// E as the files say it: columns of logits, rows of gate, length of the biases; absent where none of them is
// given. Throws Error(bad_data) where they disagree, naming both files, Error(usage) where no tokens are given.
std::optional<FixedExperts> experts_of(const RouteFiles& files);

// Reads the files and makes the logits. Throws Error(missing_input), Error(bad_data) with file, row and rule,
// or Error(usage) that names the option whose numbers are missing or have no effect.
RouteNumbers read_route_numbers(const RouteFiles& files, const Policy& policy, const Context& context);

struct RouteResult {
  Routing routing;
  DispatchPlan plan;  // of hard routing
  Counts routed;      // [E] before drops; slots of each expert for soft routing
  Counts processed;   // [E] after
  LoadStats load;     // of routed
  Index num_tokens = 0;
  Index num_experts = 0;
  std::optional<Index> tied;  // choices decided by the tie rule; absent for soft routing
  // Balancing losses of the batch by name, coefficient 1; no value where one does not apply.
  std::vector<std::pair<std::string, std::optional<double>>> losses;
};

RouteResult route_numbers(const Policy& policy, const RouteNumbers& numbers, const Context& context);

}  // namespace moesim
