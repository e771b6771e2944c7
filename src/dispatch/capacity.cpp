// The capacity formulas, each with the operation order and the precision of the implementation it is named
// after: a product formed in another order gives another capacity in some cells.
//
// megatron: ceil((T·K/E)·factor) in double. Megatron-LM, megatron/core/transformer/moe/moe_utils.py.
//
// deepspeed: ceil((T/E)·(factor·K)) in float32, at least 4. DeepSpeed, deepspeed/moe/sharded_moe.py.
//
// switch: min(T, int(T·factor/E)), then at least 4. Fedus et al. 2021 (arXiv:2101.03961), equation 3, as in
// mesh-tensorflow, mesh_tensorflow/transformer/moe.py.
//
// gshard: int(T·factor/E), at least 4, up to a multiple of 4. Lepikhin et al. 2020 (arXiv:2006.16668) as in
// lingvo, lingvo/core/gshard_layers.py.

#include "dispatch/capacity.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"

namespace moesim {
namespace {

constexpr Index kFormulaMinimum = 4;
// Where huge products stop: no machine holds so many rows, and rounding up from here still fits an Index.
constexpr Index kLargest = Index{1} << 62;

// A whole number that is not negative, as an Index.
Index saturate(double whole) {
  return whole < static_cast<double>(kLargest) ? static_cast<Index>(whole) : kLargest;
}

Index round_up(Index value, Index multiple) {
  const Index remainder = value % multiple;
  if (remainder == 0) {
    return value;
  }
  return value > kLargest - multiple ? value - remainder : value - remainder + multiple;
}

Index by_formula(const CapacityRule& rule, Index num_tokens, Index top_k, Index num_experts) {
  const auto tokens = static_cast<double>(num_tokens);
  const auto k = static_cast<double>(top_k);
  const auto experts = static_cast<double>(num_experts);
  switch (rule.formula) {
    case CapacityFormula::megatron:
      return saturate(std::ceil(tokens * k / experts * rule.factor));
    case CapacityFormula::deepspeed: {
      const auto tokens_per_expert = static_cast<float>(tokens / experts);
      const auto factor = static_cast<float>(rule.factor * k);
      return std::max(kFormulaMinimum, saturate(std::ceil(tokens_per_expert * factor)));
    }
    case CapacityFormula::switch_transformer:
      return std::max(kFormulaMinimum,
                      std::min(num_tokens, saturate(std::floor(tokens * rule.factor / experts))));
    case CapacityFormula::gshard:
      return round_up(std::max(kFormulaMinimum, saturate(std::floor(tokens * rule.factor / experts))), 4);
  }
  throw_internal(__FILE__, __LINE__, "an unknown capacity formula");
}

}  // namespace

std::span<const EnumName<CapacityFormula>> enum_names(CapacityFormula) {
  static constexpr std::array<EnumName<CapacityFormula>, 4> kNames{{
      {CapacityFormula::megatron, "megatron"},
      {CapacityFormula::switch_transformer, "switch"},
      {CapacityFormula::gshard, "gshard"},
      {CapacityFormula::deepspeed, "deepspeed"},
  }};
  return kNames;
}

std::span<const EnumName<DropRule>> enum_names(DropRule) {
  static constexpr std::array<EnumName<DropRule>, 5> kNames{{
      {DropRule::position_token_major, "position_token_major"},
      {DropRule::position_k_major, "position_k_major"},
      {DropRule::batch_prioritised, "batch_prioritised"},
      {DropRule::expert_weight, "expert_weight"},
      {DropRule::random, "random"},
  }};
  return kNames;
}

std::span<const EnumName<Renormalise>> enum_names(Renormalise) {
  static constexpr std::array<EnumName<Renormalise>, 2> kNames{{
      {Renormalise::none, "none"},
      {Renormalise::after_drop, "after_drop"},
  }};
  return kNames;
}

void describe(Fields<CapacityRule>& fields) {
  fields.add("factor", &CapacityRule::factor)
      .range(0.0, 1e6)
      .doc("room over a fair share; whether the share counts top_k depends on the formula");
  fields.add("formula", &CapacityRule::formula)
      .doc("whose formula makes rows of the factor (switch and gshard do not multiply by top_k)");
  fields.add("min", &CapacityRule::min)
      .range(0, 1'000'000'000)
      .doc("rows an expert may take at least; 0 leaves the formula's own minimum");
  fields.add("multiple_of", &CapacityRule::multiple_of)
      .range(1, 1'048'576)
      .doc("the capacity is rounded up to a multiple of this");
  fields.add("drop", &CapacityRule::drop).doc("who keeps a place in an expert that is asked for too often");
  fields.add("renorm", &CapacityRule::renorm)
      .doc("after_drop divides a token's surviving weights by their sum");
}

Index capacity_for(const CapacityRule& rule, Index num_tokens, Index top_k, Index num_experts) {
  MOESIM_CHECK(num_tokens >= 0 && top_k >= 0 && num_experts >= 1, "a capacity for impossible sizes");
  MOESIM_CHECK(std::isfinite(rule.factor) && rule.factor >= 0 && rule.min >= 0 && rule.multiple_of >= 1,
               "a capacity rule out of range");
  const Index rows = by_formula(rule, num_tokens, top_k, num_experts);
  return round_up(std::min(kLargest, std::max(rows, rule.min)), rule.multiple_of);
}

}  // namespace moesim
