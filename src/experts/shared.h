#pragma once
// Shared experts: they see every token and run as one ffn of their summed width, S. How S(x) joins the sum
// R(x) of the routed experts:
//
//   plain         R + S                                 DeepSeekMoE (arXiv:2401.06066), Megatron-LM; also the
//                                                       dense residual of Snowflake Arctic, D wide
//   gated         R + σ(v·x)·S                          Qwen1.5/2-MoE (transformers, qwen2_moe:
//                                                       shared_expert_gate, without a bias)
//   residual_mix  c₁·R + c₂·S, (c₁, c₂) = softmax(W·x + b)  DeepSpeed's residual MoE (deepspeed/moe/layer.py,
//                                                       `coefficient`; arXiv:2201.05596); Klear

#include <cstdint>
#include <span>
#include <vector>

#include "config/fields.h"
#include "core/shape.h"
#include "experts/bank.h"

namespace moesim {

std::span<const EnumName<SharedKind>> enum_names(SharedKind);

struct SharedExperts {
  ExpertBank ffn;  // one expert of the summed width; no expert: there are no shared experts
  SharedKind kind = SharedKind::plain;
  Matrix gate;                   // [0,D] plain, [1,D] gated (v), [2,D] residual_mix (W)
  std::vector<float> gate_bias;  // [2] residual_mix (b), else none

  bool none() const { return ffn.num_experts() == 0; }
  std::uint64_t gate_params() const {
    return static_cast<std::uint64_t>(gate.rows() * gate.cols()) + gate_bias.size();
  }
  std::uint64_t weight_bytes() const { return ffn.weight_bytes() + gate_params() * sizeof(float); }
};

// With given weights: one ffn expert of the summed width from `source`, and what gates it as in
// SharedExperts.
struct GivenShared {
  FfnShape ffn;
  const ExpertSource& source;
  SharedKind kind = SharedKind::plain;
  Matrix gate = {};
  std::vector<float> gate_bias = {};
};
SharedExperts make_shared_experts_of(GivenShared given, const Executor& executor, const Context& context);

// Summed hidden width; 0 without shared experts. At most 2^63 − 1: a larger one is refused by the memory it
// would need.
Index shared_ffn_width(const LayerShape& shape);
// The ffn of that width. Meaningless without shared experts.
FfnShape shared_ffn_shape(const LayerShape& shape);

// Of the ffn and what gates it. Throws Error(out_of_memory) when it does not fit 64 bits.
std::uint64_t shared_params(const LayerShape& shape);

struct SharedOptions {
  std::uint64_t seed = 0;
  std::uint32_t layer = 0;
  const LayerShape& shape;
  const Executor& executor;
};
// What their ffn is made from.
BankOptions shared_bank_options(const SharedOptions& options);
// Seeded.
SharedExperts make_shared_experts(const SharedOptions& options, const Context& context);

// y[t] = R(x[t]) on entry, as above on return. `outputs` [T,D] is S(x). Each token depends on itself alone.
struct SharedRows {
  MatrixView x;
  MatrixView outputs;
  MutableMatrixView y;
};
void add_shared(const SharedExperts& shared, const SharedRows& rows, const Context& context);

}  // namespace moesim
