#include "metrics/parameters.h"

#include "core/checked.h"
#include "experts/bank.h"
#include "experts/dense.h"
#include "experts/latent.h"
#include "experts/shared.h"

namespace moesim {
namespace {

double per_token(double bytes, std::uint64_t tokens) {
  return tokens == 0 ? 0.0 : bytes / static_cast<double>(tokens);
}

}  // namespace

double ffn_share(double tau, Index ffn_experts, Index zero_computation_experts) {
  const double weighted = tau * static_cast<double>(ffn_experts);
  const double all = weighted + static_cast<double>(zero_computation_experts);
  return all > 0 ? weighted / all : 0.0;
}

double nominal_ffn_experts(const LayerShape& shape, double experts_per_token) {
  return experts_per_token * ffn_share(1.0, shape.num_experts, shape.zero_computation_experts());
}

std::uint64_t constant_params(const LayerShape& shape) {
  return checked_product({3, static_cast<std::uint64_t>(shape.expert_width()),
                          static_cast<std::uint64_t>(shape.constant_experts)},
                         "the constant experts");
}

LayerCost moe_layer_cost(const LayerShape& shape, const LayerUse& use) {
  const char* what = "the layer's parameters";
  const FfnShape expert_shape = expert_ffn_shape(shape);
  const std::uint64_t expert = ffn_params(expert_shape);
  const std::uint64_t experts = checked_mul(expert, static_cast<std::uint64_t>(shape.num_experts), what);
  const std::uint64_t shared = shared_params(shape);
  const std::uint64_t shared_ffn = shape.has_shared() ? ffn_params(shared_ffn_shape(shape)) : 0;
  const std::uint64_t shared_bytes =
      shape.has_shared() ? ffn_weight_bytes(shared_ffn_shape(shape), use.weight_type) : 0;
  const std::uint64_t expert_bytes = ffn_weight_bytes(expert_shape, use.weight_type);
  const std::uint64_t every_token =
      checked_add(checked_add(use.gate_params, shared, what), latent_params(shape), what);
  LayerCost cost;
  cost.total_params = checked_add(checked_add(every_token, constant_params(shape), what), experts, what);
  const std::uint64_t wide = sizeof(float);
  const std::uint64_t of_ffn = checked_add(experts, shared_ffn, what);
  cost.weight_bytes =
      checked_add(checked_add(checked_mul(expert_bytes, static_cast<std::uint64_t>(shape.num_experts), what),
                              shared_bytes, what),
                  checked_mul(cost.total_params - of_ffn, wide, what), what);
  const auto fixed = static_cast<double>(every_token);
  cost.active_params = fixed + use.experts_per_token * static_cast<double>(expert);
  cost.flops_per_token =
      2.0 * cost.active_params + 4.0 * static_cast<double>(use.slots) * static_cast<double>(shape.d_model);
  const double ffn_read =
      use.distinct_experts * static_cast<double>(expert_bytes) + static_cast<double>(shared_bytes);
  cost.bytes_per_token = per_token(
      ffn_read + static_cast<double>(every_token - shared_ffn) * static_cast<double>(wide), use.tokens);
  return cost;
}

LayerCost dense_layer_cost(const LayerShape& shape, const DenseUse& use) {
  LayerCost cost;
  const FfnShape ffn = dense_ffn_shape(shape, use.width);
  cost.total_params = ffn_params(ffn);
  cost.weight_bytes = ffn_weight_bytes(ffn, use.weight_type);
  cost.active_params = static_cast<double>(cost.total_params);
  cost.flops_per_token = 2.0 * cost.active_params;
  cost.bytes_per_token = per_token(static_cast<double>(cost.weight_bytes), use.tokens);
  return cost;
}

}  // namespace moesim
