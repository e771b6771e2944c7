#pragma once
// How many rows an expert may take. The same "capacity factor 1.25" means capacities that differ by a factor
// of k between implementations, so the formula is a named choice.

#include <cstdint>
#include <optional>
#include <span>

#include "config/binder.h"
#include "core/matrix.h"

namespace moesim {

enum class CapacityFormula { megatron, switch_transformer, gshard, deepspeed };
std::span<const EnumName<CapacityFormula>> enum_names(CapacityFormula);

enum class DropRule { position_token_major, position_k_major, batch_prioritised, expert_weight, random };
std::span<const EnumName<DropRule>> enum_names(DropRule);

enum class Renormalise { none, after_drop };
std::span<const EnumName<Renormalise>> enum_names(Renormalise);

struct CapacityRule {
  double factor = 1.25;
  CapacityFormula formula = CapacityFormula::megatron;
  std::int64_t min = 0;          // at least so many rows (0: the formula's own minimum alone)
  std::int64_t multiple_of = 1;  // then rounded up to a multiple
  DropRule drop = DropRule::position_token_major;
  Renormalise renorm = Renormalise::none;
};
void describe(Fields<CapacityRule>& fields);

// Rows one expert may take for T tokens, K experts a token, E experts. 0 is possible: nothing is kept.
Index capacity_for(const CapacityRule& rule, Index num_tokens, Index top_k, Index num_experts);

}  // namespace moesim
