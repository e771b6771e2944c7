#pragma once
// The weight stage: the chosen experts' unbiased scores (or logits) → what their outputs are multiplied with.

#include <span>

#include "config/fields.h"
#include "router/routing.h"

namespace moesim {

std::span<const EnumName<WeightOn>> enum_names(WeightOn);

struct WeightRule {
  bool softmax_selected = false;  // softmax over the chosen logits, instead of the scores
  bool renormalise = false;       // divide by the sum of the chosen scores + norm_eps
  double norm_eps = 0.0;
  double route_scale = 1.0;  // multiplies every weight
};

struct ChosenRow {
  std::span<const float> scores;  // [K]
  std::span<const float> logits;  // [K]
};

// weights [K]; sums in double. Where renormalised scores sum to 0 (all underflowed, norm_eps 0) the weights
// are 0, as every implementation with an epsilon has it, and not NaN. One chosen expert is divided by itself
// too: its weight is 1, as in transformers; Megatron-LM skips the division there.
void make_weights(const WeightRule& rule, const ChosenRow& chosen, std::span<float> weights);

}  // namespace moesim
