#pragma once
// The part of a config that decides who goes where: router, capacity, seed. For commands that route given
// numbers and need neither a workload nor experts.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/binder.h"
#include "dispatch/capacity.h"
#include "router/router.h"

namespace moesim {

struct PolicySource {
  std::string config;  // a config as load_config takes it; or empty:
  std::string preset;  // a router preset in its place
  std::vector<std::string> overrides;

  std::string title() const { return config.empty() ? preset : config; }
};

// What the numbers at hand fix: logits per token and where that is known from ("logits.npy has 8 columns").
struct FixedExperts {
  Index num_logits = 0;
  std::string because;
  Index slots = 1;  // logits of each expert: more than one for soft routers alone; load_policy finds them

  Index num_experts() const { return num_logits / slots; }
};

struct Policy {
  std::string title;
  std::string router_name;  // preset or family
  std::uint64_t seed = 0;
  std::unique_ptr<Router> router;
  std::optional<CapacityRule> capacity;  // absent: dropless
  Index num_zero_experts = 0;            // zero, copy and constant experts, at the end of the pool
  std::vector<ResolvedValue> resolved;
};

// Sections that have nothing to do with routing are left alone. Throws ConfigError with everything that is
// wrong, also where layer.num_experts is given and is not what the numbers say, or is nowhere to be found.
Policy load_policy(const PolicySource& source, const std::optional<FixedExperts>& fixed);

// The capacity section, else that of the router's preset, else nothing. `router` may be nullptr.
std::optional<CapacityRule> bind_capacity(Binder& binder, const Node& root, const Router* router,
                                          Index num_experts);

}  // namespace moesim
