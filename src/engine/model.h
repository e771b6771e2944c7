#pragma once
// The weights of what is compared: a stack of Mixture-of-Experts layers and stacks of dense layers.

#include <string>
#include <vector>

#include "core/parallel.h"
#include "engine/experiment.h"
#include "experts/bank.h"
#include "router/gate.h"

namespace moesim {

struct MoeLayer {
  Gate gate;           // no rows when the router needs no logits
  ExpertBank experts;  // no experts when nothing is executed
  ExpertBank shared;   // one ffn of the shared experts' summed width, or none
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

MoeStack make_moe_stack(const Experiment& experiment, const Context& context);
DenseStack make_dense_stack(const Experiment& experiment, Index width, const Context& context);

}  // namespace moesim
