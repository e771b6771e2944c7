#pragma once
// Parameters, work and weight traffic of a layer: closed forms, in docs/glossary.md.

#include <cstdint>

#include "core/shape.h"

namespace moesim {

struct LayerCost {
  std::uint64_t total_params = 0;  // gate + E experts + shared
  double active_params = 0;        // gate + shared + k experts: what one token's computation reads
  // Of the products: gate, k experts, shared (2 per parameter and row); of a soft router also its two
  // mixtures.
  double flops_per_token = 0;
  double bytes_per_token = 0;  // weights read in a step over its tokens, each touched matrix once
};

// One Mixture-of-Experts layer. `experts_per_token`: nominal K, or the mean number of kept ffn experts
// (realised). `gate_params` as the gate counts them. `distinct_experts`: ffn experts that had rows, mean over
// steps; `tokens`: T.
struct LayerUse {
  double experts_per_token = 0;
  std::uint64_t gate_params = 0;
  double distinct_experts = 0;
  std::uint64_t tokens = 0;
  Index slots = 0;  // S of a soft router, whose experts_per_token is S/T; else 0
};
LayerCost moe_layer_cost(const LayerShape& shape, const LayerUse& use);

// One dense layer of hidden width `width`.
LayerCost dense_layer_cost(const LayerShape& shape, Index width, std::uint64_t tokens);

}  // namespace moesim
