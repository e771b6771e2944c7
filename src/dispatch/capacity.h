#pragma once
// How many rows an expert may take. The same "capacity factor 1.25" means capacities that differ by a factor
// of k between implementations, so the formula is a named choice.

#include <cstdint>
#include <span>
#include <string_view>

#include "config/binder.h"
#include "core/matrix.h"

namespace moesim {

enum class CapacityFormula {
  deepspeed,
  fairscale,
  fastmoe,
  flaxformer,
  gshard,
  maxtext,
  megablocks,
  megatron,
  nllb,
  switch_transformer,
  tutel,
  vmoe
};
std::span<const EnumName<CapacityFormula>> enum_names(CapacityFormula);

// What vmoe does with a fraction of a row.
enum class Rounding { ceil, round };
std::span<const EnumName<Rounding>> enum_names(Rounding);

enum class DropRule {
  position_token_major,
  position_k_major,
  batch_prioritised,
  expert_weight,
  random,
  deepspeed_probs,
  device_level,
  recycle,
  ntlb
};
std::span<const EnumName<DropRule>> enum_names(DropRule);

enum class Renormalise { none, after_drop };
std::span<const EnumName<Renormalise>> enum_names(Renormalise);

// Value of CapacityRule::min and ::multiple_of that leaves them to the formula.
constexpr std::int64_t kAsTheFormula = -1;

struct CapacityRule {
  double factor = 1.25;
  CapacityFormula formula = CapacityFormula::megatron;
  Rounding rounding = Rounding::ceil;        // vmoe only
  bool at_most_load = false;                 // tutel only: no more than the largest load
  std::int64_t min = kAsTheFormula;          // at least so many rows
  std::int64_t multiple_of = kAsTheFormula;  // then rounded up to a multiple
  std::int64_t group = 0;                    // tokens that share the room; 0: the batch
  DropRule drop = DropRule::position_token_major;
  std::int64_t devices = 8;            // device_level only: equal parts of the experts, neighbours together
  double exempt = 0.1;                 // device_level only: share of the sequences that lose nothing
  std::int64_t sequence_tokens = 512;  // device_level only: tokens of one such sequence
  std::int64_t tries = 4;              // ntlb only: experts an assignment asks, the router's choice included
  Renormalise renorm = Renormalise::none;
  double renorm_eps = 0;  // after_drop only: least divisor; 0: what sums to 0 or less stays as it is
};
void describe(Fields<CapacityRule>& fields);

// What asks for room: T tokens of one group with K experts each, E experts (or devices).
struct CapacityDemand {
  Index tokens = 0;
  Index top_k = 1;
  Index experts = 1;
  Index max_load = 0;  // assignments the busiest expert is asked for: megablocks and tutel look at it
};

// Whether the formula asks for max_load; 0 will do elsewhere.
bool looks_at_loads(const CapacityRule& rule);

// Rows one expert may take. 0 is possible: nothing is kept. Never more than about 2^62.
Index capacity_for(const CapacityRule& rule, const CapacityDemand& demand);

// A formula or a drop rule in words, for documentation.
struct FormulaInfo {
  CapacityFormula formula;
  std::string_view name;
  std::string_view rows;     // the formula: T tokens of a group, k, E, CF
  std::int64_t min;          // its own minimum
  std::int64_t multiple_of;  // its own step
  std::string_view origin;   // repository, file, version read
};
std::span<const FormulaInfo> capacity_formulas();

struct DropRuleInfo {
  DropRule rule;
  std::string_view name;
  std::string_view summary;
  std::string_view origin;
};
std::span<const DropRuleInfo> drop_rules();

}  // namespace moesim
