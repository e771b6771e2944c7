// The capacity formulas, each with the operation order and the precision of the implementation it is named
// after: a product formed in another order gives another capacity in some cells. Python's numbers are
// doubles, its round() goes to the even neighbour, and so does ours.

#include "dispatch/capacity_formula.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"

namespace moesim {
namespace {

constexpr std::array<FormulaInfo, 12> kFormulas{{
    {CapacityFormula::deepspeed, "deepspeed", "ceil(T/E · (CF·k)) in float32", 4, 1,
     "deepspeedai/DeepSpeed deepspeed/moe/sharded_moe.py _capacity, 0.19.6; min_capacity is 4 in the layer "
     "and "
     "8 in the gate class"},
    {CapacityFormula::fairscale, "fairscale", "floor(2·T / E), whatever CF and k", 0, 1,
     "facebookresearch/fairscale fairscale/nn/moe/top2gate.py, 146f160, which also asks that E divides T"},
    {CapacityFormula::fastmoe, "fastmoe", "k = 1: ceil(CF·T / E); else floor(ceil(CF·T) · k / E)", 0, 1,
     "laekov/fastmoe fmoe/gates/switch_gate.py (top-1) and gshard_gate.py (top-2), ee3c561"},
    {CapacityFormula::flaxformer, "flaxformer", "CF·T / E to the nearest, halves to the even neighbour", 4, 1,
     "google/flaxformer flaxformer/architectures/moe/moe_layers.py, 399ea3a"},
    {CapacityFormula::gshard, "gshard", "floor(T·CF / E)", 4, 4,
     "tensorflow/lingvo lingvo/core/gshard_layers.py Top2GatingOnLogits, e0be5dc; Lepikhin et al. 2020, "
     "arXiv:2006.16668"},
    {CapacityFormula::maxtext, "maxtext", "floor(max(ceil(T·k / E) · CF, CF))", 0, 1,
     "AI-Hypercomputer/maxtext src/maxtext/layers/moe.py generate_masks, e591f30; its groups are the "
     "sequences"},
    {CapacityFormula::megablocks, "megablocks", "floor(CF · (k·T/E)); 0: the largest load", 0, 1,
     "databricks/megablocks megablocks/layers/moe.py, 78eea65"},
    {CapacityFormula::megatron, "megatron", "ceil((T·k / E) · CF)", 0, 1,
     "NVIDIA/Megatron-LM megatron/core/transformer/moe/moe_utils.py get_capacity, d98e8a6"},
    {CapacityFormula::nllb, "nllb", "ceil(CF·T); CF = 0: 2·ceil(T/E), the training rule", 0, 1,
     "huggingface/transformers src/transformers/models/nllb_moe/modeling_nllb_moe.py, 00b676f: CF is "
     "moe_eval_capacity_token_fraction"},
    {CapacityFormula::switch_transformer, "switch", "min(T, floor(T·CF / E))", 4, 1,
     "tensorflow/mesh mesh_tensorflow/transformer/moe.py, da90793; Fedus et al. 2021, arXiv:2101.03961, eq. "
     "3"},
    {CapacityFormula::tutel, "tutel",
     "k·floor(CF · ceil(T/E)); CF = 0: the largest load; its CF < 0 is at_most_load", 0, 1,
     "microsoft/tutel tutel/impls/fast_dispatch.py extract_critical, 82af7aa"},
    {CapacityFormula::vmoe, "vmoe", "(T·k)·CF / E, up or to the nearest", 0, 4,
     "google-research/vmoe vmoe/moe.py compute_capacity, 942a78b, which refuses 0 rows"},
}};

constexpr auto make_names() {
  std::array<EnumName<CapacityFormula>, kFormulas.size()> names{};
  for (std::size_t i = 0; i < kFormulas.size(); ++i) {
    names[i] = {kFormulas[i].formula, kFormulas[i].name};
  }
  return names;
}

// A whole number that is not negative, as an Index.
Index saturate(double whole) {
  return whole < static_cast<double>(kMostRows) ? static_cast<Index>(whole) : kMostRows;
}

Index times(Index a, Index b) {
  return b != 0 && a > kMostRows / b ? kMostRows : a * b;
}

Index floor_of(double value) {
  return saturate(std::floor(value));
}

Index ceil_of(double value) {
  return saturate(std::ceil(value));
}

Index nearest_even(double value) {
  return saturate(std::nearbyint(value));
}

Index ceil_divide(Index a, Index b) {
  return a / b + (a % b == 0 ? 0 : 1);
}

Index tutel_rows(const CapacityRule& rule, const CapacityDemand& demand) {
  if (rule.factor == 0) {
    return demand.max_load;
  }
  const Index share = ceil_divide(demand.tokens, demand.experts);
  const Index wanted =
      times(std::min(demand.top_k, demand.experts), floor_of(rule.factor * static_cast<double>(share)));
  return rule.at_most_load ? std::min(demand.max_load, wanted) : wanted;
}

}  // namespace

std::span<const FormulaInfo> capacity_formulas() {
  return kFormulas;
}

std::span<const EnumName<CapacityFormula>> enum_names(CapacityFormula) {
  static constexpr auto kNames = make_names();
  return kNames;
}

bool looks_at_loads(const CapacityRule& rule) {
  return rule.formula == CapacityFormula::megablocks || rule.formula == CapacityFormula::tutel;
}

Index formula_rows(const CapacityRule& rule, const CapacityDemand& demand) {
  const double factor = rule.factor;
  const auto tokens = static_cast<double>(demand.tokens);
  const auto k = static_cast<double>(demand.top_k);
  const auto experts = static_cast<double>(demand.experts);
  switch (rule.formula) {
    case CapacityFormula::deepspeed:
      return ceil_of(static_cast<float>(tokens / experts) * static_cast<float>(factor * k));
    case CapacityFormula::fairscale:
      return times(2, demand.tokens) / demand.experts;
    case CapacityFormula::fastmoe:
      return demand.top_k == 1 ? ceil_of(factor * tokens / experts)
                               : times(ceil_of(factor * tokens), demand.top_k) / demand.experts;
    case CapacityFormula::flaxformer:
      return nearest_even(factor * tokens / experts);
    case CapacityFormula::gshard:
      return floor_of(tokens * factor / experts);
    case CapacityFormula::maxtext:
      return floor_of(std::max(std::ceil(tokens * k / experts) * factor, factor));
    case CapacityFormula::megablocks: {
      const Index rows = floor_of(factor * (k * tokens / experts));
      return rows == 0 ? demand.max_load : rows;
    }
    case CapacityFormula::megatron:
      return ceil_of(tokens * k / experts * factor);
    case CapacityFormula::nllb:
      return factor > 0 ? ceil_of(factor * tokens) : times(2, ceil_divide(demand.tokens, demand.experts));
    case CapacityFormula::switch_transformer:
      return std::min(demand.tokens, floor_of(tokens * factor / experts));
    case CapacityFormula::tutel:
      return tutel_rows(rule, demand);
    case CapacityFormula::vmoe: {
      const double rows = tokens * k * factor / experts;
      return rule.rounding == Rounding::ceil ? ceil_of(rows) : nearest_even(rows);
    }
  }
  throw_internal(__FILE__, __LINE__, "an unknown capacity formula");
}

}  // namespace moesim
