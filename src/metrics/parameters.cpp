#include "metrics/parameters.h"

#include "core/checked.h"
#include "experts/bank.h"

namespace moesim {
namespace {

double per_token(double bytes, std::uint64_t tokens) {
  return tokens == 0 ? 0.0 : bytes / static_cast<double>(tokens);
}

}  // namespace

LayerCost moe_layer_cost(const LayerShape& shape, const LayerUse& use) {
  const std::uint64_t expert = ffn_params(shape.d_model, shape.d_ff, shape.activation);
  const std::uint64_t shared =
      checked_mul(expert, static_cast<std::uint64_t>(shape.num_shared_experts), "the shared experts");
  LayerCost cost;
  cost.total_params = checked_add(
      checked_add(use.gate_params, shared, "the layer's parameters"),
      checked_mul(expert, static_cast<std::uint64_t>(shape.num_experts), "the layer's parameters"),
      "the layer's parameters");
  const double fixed = static_cast<double>(use.gate_params) + static_cast<double>(shared);
  cost.active_params = fixed + use.experts_per_token * static_cast<double>(expert);
  cost.flops_per_token =
      2.0 * cost.active_params + 4.0 * static_cast<double>(use.slots) * static_cast<double>(shape.d_model);
  cost.bytes_per_token = per_token((fixed + use.distinct_experts * static_cast<double>(expert)) *
                                       static_cast<double>(bytes_per_weight(WeightType::float32)),
                                   use.tokens);
  return cost;
}

LayerCost dense_layer_cost(const LayerShape& shape, Index width, std::uint64_t tokens) {
  LayerCost cost;
  cost.total_params = ffn_params(shape.d_model, width, shape.activation);
  cost.active_params = static_cast<double>(cost.total_params);
  cost.flops_per_token = 2.0 * cost.active_params;
  cost.bytes_per_token =
      per_token(cost.active_params * static_cast<double>(bytes_per_weight(WeightType::float32)), tokens);
  return cost;
}

}  // namespace moesim
