#pragma once
// Relations between the keys of the `capacity:` section, the router and the layer: checked after binding,
// each reported at its key.

#include "config/binder.h"
#include "dispatch/capacity.h"
#include "router/router.h"

namespace moesim {

struct CapacitySurroundings {
  Index num_experts = 1;
  bool has_gate = true;  // the router makes logits
};

void check_capacity(Binder& binder, const CapacityRule& rule, const CapacitySurroundings& around);

}  // namespace moesim
