#pragma once
// The weights of what is compared: a stack of Mixture-of-Experts layers and stacks of dense layers.

#include <string>
#include <vector>

#include "core/parallel.h"
#include "engine/experiment.h"
#include "experts/bank.h"
#include "experts/latent.h"
#include "experts/shared.h"
#include "router/gate.h"

namespace moesim {

struct MoeLayer {
  Gate gate;           // no rows when the router needs no logits
  ExpertBank experts;  // the pool; kinds alone, without weights, when nothing is executed
  LatentMaps latent;   // around the routed experts, or none
  SharedExperts shared;
  RouterState state;
};

struct MoeStack {
  std::vector<MoeLayer> layers;
  std::uint64_t weight_bytes() const;
};

struct DenseStack {
  std::vector<ExpertBank> layers;  // one expert each
  std::uint64_t weight_bytes() const;
};

// What the routed experts of a layer are made from.
BankOptions pool_options(const Experiment& experiment, std::uint32_t layer);

MoeStack make_moe_stack(const Experiment& experiment, const Context& context);
DenseStack make_dense_stack(const Experiment& experiment, Index width, const Context& context);

}  // namespace moesim
