// The `capacity:` section, and what every formula's rows go through: minimum, then multiple.

#include "dispatch/capacity.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "dispatch/capacity_formula.h"

namespace moesim {
namespace {

Index round_up(Index value, Index multiple) {
  const Index remainder = value % multiple;
  if (remainder == 0) {
    return value;
  }
  return value > kMostRows - multiple ? value - remainder : value - remainder + multiple;
}

const FormulaInfo& info_of(CapacityFormula formula) {
  for (const FormulaInfo& info : capacity_formulas()) {
    if (info.formula == formula) {
      return info;
    }
  }
  throw_internal(__FILE__, __LINE__, "an unknown capacity formula");
}

void describe_rows(Fields<CapacityRule>& fields) {
  fields.add("factor", &CapacityRule::factor)
      .range(0.0, 1e6)
      .doc("room over a fair share; whether the share counts top_k, and what 0 means, depends on the formula")
      .only_when([](const CapacityRule& r) { return r.formula != CapacityFormula::fairscale; },
                 "capacity.formula fairscale always takes two rows per token");
  fields.add("formula", &CapacityRule::formula)
      .doc(
          "whose formula makes rows of the factor (flaxformer, gshard, nllb and switch do not multiply by "
          "top_k)");
  fields.add("rounding", &CapacityRule::rounding)
      .doc("vmoe: fractions of a row up, or to the nearest (halves to the even neighbour)")
      .only_when([](const CapacityRule& r) { return r.formula == CapacityFormula::vmoe; },
                 "capacity.formula is not vmoe");
  fields.add("at_most_load", &CapacityRule::at_most_load)
      .doc("tutel: the largest load where that is less (what its factors below 0 mean)")
      .only_when([](const CapacityRule& r) { return r.formula == CapacityFormula::tutel && r.factor > 0; },
                 "capacity.formula is not tutel with a factor above 0");
  fields.add("min", &CapacityRule::min)
      .range(0, 1'000'000'000)
      .word("formula", kAsTheFormula)
      .doc(
          "rows an expert may take at least; formula: 4 with deepspeed, flaxformer, gshard and switch, else "
          "0");
  fields.add("multiple_of", &CapacityRule::multiple_of)
      .range(1, 1'048'576)
      .word("formula", kAsTheFormula)
      .doc("the capacity is rounded up to a multiple of this; formula: 4 with gshard and vmoe, else 1");
  fields.add("group", &CapacityRule::group)
      .range(1, std::int64_t{1} << 40)
      .word("batch", 0)
      .doc(
          "tokens that share the room: capacity and claims begin anew in each group; the last may be "
          "smaller");
}

void describe_drops(Fields<CapacityRule>& fields) {
  const auto by_device = [](const CapacityRule& r) { return r.drop == DropRule::device_level; };
  const char* const kNoDevices = "capacity.drop is not device_level";
  fields.add("drop", &CapacityRule::drop)
      .doc(
          "who keeps a place in an expert that is asked for too often; recycle and ntlb send the others to "
          "another expert");
  fields.add("devices", &CapacityRule::devices)
      .range(1, 65536)
      .doc("device_level: devices the experts are spread over, neighbours together; the formula's E is this")
      .only_when(by_device, kNoDevices);
  fields.add("exempt", &CapacityRule::exempt)
      .range(0.0, 1.0)
      .doc("device_level: share of the sequences whose tokens are never dropped")
      .only_when(by_device, kNoDevices);
  fields.add("sequence_tokens", &CapacityRule::sequence_tokens)
      .range(1, std::int64_t{1} << 40)
      .doc("device_level: tokens of such a sequence, cut from the stream")
      .only_when(by_device, kNoDevices);
  fields.add("tries", &CapacityRule::tries)
      .range(1, 65536)
      .doc("ntlb: experts an assignment asks, the router's choice included")
      .only_when([](const CapacityRule& r) { return r.drop == DropRule::ntlb; }, "capacity.drop is not ntlb");
}

}  // namespace

std::span<const EnumName<Rounding>> enum_names(Rounding) {
  static constexpr std::array<EnumName<Rounding>, 2> kNames{{
      {Rounding::ceil, "ceil"},
      {Rounding::round, "round"},
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
  describe_rows(fields);
  describe_drops(fields);
  fields.add("renorm", &CapacityRule::renorm)
      .doc("after_drop divides a token's surviving weights by their sum");
  fields.add("renorm_eps", &CapacityRule::renorm_eps)
      .range(0.0, 1.0)
      .doc(
          "least divisor: 1.1920929e-7 in DeepSpeed, fairscale and NLLB; 0 divides only sums above 0 "
          "(lingvo)")
      .only_when([](const CapacityRule& r) { return r.renorm == Renormalise::after_drop; },
                 "capacity.renorm is none");
}

Index capacity_for(const CapacityRule& rule, const CapacityDemand& demand) {
  MOESIM_CHECK(demand.tokens >= 0 && demand.top_k >= 0 && demand.experts >= 1 && demand.max_load >= 0,
               "a capacity for impossible sizes");
  MOESIM_CHECK(std::isfinite(rule.factor) && rule.factor >= 0 && rule.min >= kAsTheFormula &&
                   (rule.multiple_of >= 1 || rule.multiple_of == kAsTheFormula),
               "a capacity rule out of range");
  const FormulaInfo& info = info_of(rule.formula);
  const Index min = rule.min == kAsTheFormula ? info.min : rule.min;
  const Index multiple = rule.multiple_of == kAsTheFormula ? info.multiple_of : rule.multiple_of;
  return round_up(std::min(kMostRows, std::max(formula_rows(rule, demand), min)), multiple);
}

}  // namespace moesim
