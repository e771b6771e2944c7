#pragma once
// What a model weighs, and what one token of it costs: closed forms over ModelShape, exact in 64 bits.
//
// Counted: every stored weight of the language model. Left out: heads for multi-token prediction, and what
// sees pictures or hears sound. Active parameters are those that one token's computation reads; published
// figures follow one of three conventions, and which one they rarely say:
//   all                 both embeddings counted (Mixtral, OLMoE, Qwen)
//   no_input_embedding  without the table that turns token ids into rows: one row of it is read (gpt-oss)
//   no_embeddings       nor the output projection (GLM-4.5)
// Where one table serves as both (tied), it is counted once, and with no_input_embedding it stays.

#include <array>
#include <cstdint>
#include <string_view>

#include "models/model_shape.h"

namespace moesim {

struct ActiveParameters {
  std::uint64_t all = 0;
  std::uint64_t no_input_embedding = 0;
  std::uint64_t no_embeddings = 0;
};

struct ModelParameters {
  // Parts, summed over layers; their sum is total.
  std::uint64_t routed = 0;     // experts that a router chooses among
  std::uint64_t shared = 0;     // shared experts, and their gate
  std::uint64_t attention = 0;  // or what stands in its place: Mamba, DeltaNet, linear attention
  std::uint64_t router = 0;     // gates and selection biases
  std::uint64_t dense = 0;      // FFNs without a router
  std::uint64_t norms = 0;
  std::uint64_t input_embedding = 0;
  std::uint64_t output_embedding = 0;  // 0 where it is tied, but for its bias
  std::uint64_t total = 0;

  std::uint64_t per_expert = 0;  // of one routed expert
  Index active_experts = 0;      // per token and MoE layer, that have weights: top_k, or its fair share
  std::uint64_t routed_active = 0;
  ActiveParameters active;
  // Where a token may choose experts without weights: no_input_embedding with the fewest and the most others.
  ActiveParameters active_low;
  ActiveParameters active_high;
};

// Of an incomplete shape only routed, per_expert, active_experts and routed_active are counted; the rest is
// 0. Throws Error(out_of_memory, too-large) where a product does not fit 64 bits.
ModelParameters count_parameters(const ModelShape& shape);

// One token, outside its context: two operations for each weight of the products it passes through, the
// output projection included. What attention adds per token of context is a number of its own.
struct TokenCost {
  std::uint64_t flops = 0;
  std::uint64_t flops_per_context_token = 0;
  std::uint64_t kv_values_per_context_token = 0;  // numbers a cache keeps; latent attention keeps its latent
};
TokenCost token_cost(const ModelShape& shape, const ModelParameters& parameters);

// How weights may be stored, and the bits each takes, scales included: MXFP4 has 8 bits for each 32.
struct WeightStorage {
  std::string_view name;
  double bits = 0;
};
inline constexpr std::array<WeightStorage, 5> kWeightStorages = {
    {{"float32", 32}, {"bf16", 16}, {"fp8", 8}, {"int8", 8}, {"mxfp4", 4.25}}};

}  // namespace moesim
