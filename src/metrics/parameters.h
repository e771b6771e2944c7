#pragma once
// Parameters, work and weight traffic of a layer: closed forms, in docs/glossary.md.

#include <cstdint>

#include "core/shape.h"
#include "experts/weight_type.h"

namespace moesim {

struct LayerCost {
  std::uint64_t total_params = 0;  // every stored weight of the layer
  double active_params = 0;        // gate, shared, latent maps, k ffn experts: what one token's products read
  // Of the products: 2 per active parameter; of a soft router 2 per parameter and slot, and its two mixtures.
  double flops_per_token = 0;
  double bytes_per_token = 0;      // weights read in a step over its tokens, each touched matrix once
  std::uint64_t weight_bytes = 0;  // of every stored weight
};

// The share of the assignments that fall on ffn experts when a zero-computation expert gets τ⁻¹ times the
// load of an ffn expert: τ·N_ffn / (τ·N_ffn + N_zc), which is also the work of such a layer over that of a
// layer of ffn experts alone (MoE++, arXiv:2410.07348, where τ weighs the balance loss and the capacity).
double ffn_share(double tau, Index ffn_experts, Index zero_computation_experts);

// ffn experts per token where each expert of the pool gets its fair share: the experts per token, times
// E/pool.
double nominal_ffn_experts(const LayerShape& shape, double experts_per_token);

// One Mixture-of-Experts layer. `experts_per_token`: the nominal number of ffn experts, or the mean number of
// kept ones (realised). `gate_params` as the gate counts them. `distinct_experts`: ffn experts that had rows,
// mean over steps; `tokens`: T. What constant experts store is in the total alone.
struct LayerUse {
  double experts_per_token = 0;
  std::uint64_t gate_params = 0;
  double distinct_experts = 0;
  std::uint64_t tokens = 0;
  Index slots = 0;                               // S of a soft router, whose experts_per_token is S/T; else 0
  WeightType weight_type = WeightType::float32;  // of the experts, shared ones too; all else is float32
};
LayerCost moe_layer_cost(const LayerShape& shape, const LayerUse& use);

// v and W of all constant experts of a layer.
std::uint64_t constant_params(const LayerShape& shape);

// One dense layer of hidden width `width`, and what its cost depends on beside the shape.
struct DenseUse {
  Index width = 0;
  std::uint64_t tokens = 0;
  WeightType weight_type = WeightType::float32;
};
LayerCost dense_layer_cost(const LayerShape& shape, const DenseUse& use);

}  // namespace moesim
