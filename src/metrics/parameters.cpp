#include "metrics/parameters.h"

#include "core/checked.h"
#include "experts/bank.h"
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
  const std::uint64_t expert = ffn_params(shape.expert_width(), shape.d_ff, shape.activation);
  const std::uint64_t every_token =
      checked_add(checked_add(use.gate_params, shared_params(shape), what), latent_params(shape), what);
  LayerCost cost;
  cost.total_params =
      checked_add(checked_add(every_token, constant_params(shape), what),
                  checked_mul(expert, static_cast<std::uint64_t>(shape.num_experts), what), what);
  const auto fixed = static_cast<double>(every_token);
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
