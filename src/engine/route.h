#pragma once
// Given numbers through one router: the exact interface between moesim and other programs. No workload, no
// experts, one layer.

#include <string>
#include <vector>

#include "dispatch/plan.h"
#include "engine/policy.h"
#include "metrics/load.h"
#include "metrics/noise_floor.h"
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
// given. Throws Error(bad_data) where they disagree, naming both files, Error(usage) where no tokens are
// given.
std::optional<FixedExperts> experts_of(const RouteFiles& files);

// Those of the files that this router takes, for a comparison, which gives both sides all that is there.
RouteFiles usable_files(RouteFiles files, const Policy& policy);

// Reads the files and makes the logits. Throws Error(missing_input), Error(bad_data) with file, row and rule,
// or Error(usage) that names the option whose numbers are missing or have no effect.
RouteNumbers read_route_numbers(const RouteFiles& files, const Policy& policy, const Context& context);

struct BatchLoss {
  std::string name;
  double value = 0;
  std::string why_not;  // why the number means nothing for this router; empty: it does
};

struct LossSettings {
  Index sequence_length = 0;  // tokens of one sequence, the last may be shorter; 0: the batch is one
  Index num_devices = 1;      // experts lie on them in equal runs
};

struct RouteResult {
  Routing routing;
  DispatchPlan plan;                      // of hard routing
  Counts routed;                          // [E] before drops; slots of each expert for soft routing
  Counts processed;                       // [E] after
  LoadStats load;                         // of routed
  LoadStats processed_load;               // of processed
  std::optional<NoiseFloor> noise_floor;  // of load: what a uniform router would show; where tokens choose
  Index tokens_without_expert = 0;        // none of whose assignments was kept
  Index num_tokens = 0;
  Index num_experts = 0;
  std::optional<Index> tied;      // choices decided by the tie rule; absent for soft routing
  std::vector<BatchLoss> losses;  // of hard routing with logits, coefficient 1
};

RouteResult route_numbers(const Policy& policy, const RouteNumbers& numbers, const Context& context);

// Every loss of the catalogue on this routing; empty for soft routing and for routers that look at no logits.
// Throws Error(usage) where the devices do not divide the experts.
std::vector<BatchLoss> batch_losses(const Policy& policy, const RouteNumbers& numbers,
                                    const RouteResult& result, const LossSettings& settings);

}  // namespace moesim
