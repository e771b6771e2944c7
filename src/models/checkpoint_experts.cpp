#include "models/checkpoint_experts.h"

#include <fmt/format.h>

#include "core/error.h"

namespace moesim {
namespace {

void read_bias(const TensorFolder& folder, const UnitMatrix& bias, Index first, std::vector<float>& to) {
  if (!to.empty()) {
    read_units(folder, bias, first, {to.data(), static_cast<Index>(to.size()), 1});
  }
}

Activation activation_of(const ModelShape& shape) {
  if (!shape.clamp.used()) {
    return shape.moe.activation;
  }
  if (static_cast<float>(shape.clamp.limit) != kOaiLimit ||
      static_cast<float>(shape.clamp.alpha) != kOaiAlpha) {
    const std::string& where = shape.router.where.source;  // the config.json
    throw Error(ErrorKind::bad_data,
                fmt::format("{}: error: swiglu_limit is {} and swiglu_alpha {}; expected {} and {}, as "
                            "gpt-oss has them [out-of-range]",
                            where.empty() ? shape.name : where, shape.clamp.limit, shape.clamp.alpha,
                            kOaiLimit, kOaiAlpha));
  }
  return Activation::swiglu_oai;
}

}  // namespace

void CheckpointExperts::read_units(const UnitRange& range, FfnWeights& weights) const {
  const TensorFolder& folder = checkpoint_.tensors();
  const FfnTensors& ffn = ffns_[static_cast<std::size_t>(range.expert)];
  moesim::read_units(folder, ffn.up, range.first, weights.up.view());
  moesim::read_units(folder, ffn.down, range.first, weights.down.view());
  if (weights.gate_proj.rows() > 0) {
    moesim::read_units(folder, ffn.gate, range.first, weights.gate_proj.view());
  }
  read_bias(folder, ffn.up_bias, range.first, weights.up_bias);
  read_bias(folder, ffn.gate_bias, range.first, weights.gate_bias);
  read_bias(folder, ffn.down_bias, 0, weights.output_bias);
}

BankShape bank_shape(const ModelShape& shape) {
  return {.ffn = {shape.d_model, shape.moe.d_ff, activation_of(shape), shape.expert_bias},
          .num_experts = shape.moe.num_experts,
          .constant_experts = shape.moe.constant_experts,
          .copy_experts = shape.moe.copy_experts,
          .zero_experts = shape.moe.zero_experts};
}

FfnShape shared_shape(const ModelShape& shape) {
  const Index width =
      shape.moe.shared_width > 0 ? shape.moe.shared_width : shape.moe.num_shared_experts * shape.moe.d_ff;
  return {shape.d_model, width, activation_of(shape), shape.expert_bias};
}

}  // namespace moesim
