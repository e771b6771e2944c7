#pragma once
// The weight stage: the chosen experts' unbiased scores (or logits) → what their outputs are multiplied with.

#include <limits>
#include <span>
#include <vector>

#include "config/fields.h"
#include "router/routing.h"

namespace moesim {

std::span<const EnumName<WeightOn>> enum_names(WeightOn);

// How the sum of the chosen scores is kept from being 0 before it divides.
enum class NormFloor {
  add,    // sum + norm_eps (DeepSeek-V3 in transformers 1e-20, LFM2 1e-6, mesh-tensorflow 1e-9)
  clamp,  // max(sum, norm_eps) (ERNIE-4.5 1e-12, Tutel, fairscale)
};

std::span<const EnumName<NormFloor>> enum_names(NormFloor);

struct WeightRule {
  bool softmax_selected = false;  // softmax over the chosen logits, instead of the scores
  bool renormalise = false;       // divide by the sum of the chosen scores
  NormFloor norm_floor = NormFloor::add;
  double norm_eps = 0.0;
  bool norm_single = true;   // divide a single chosen score too: the weight is then always route_scale
  double route_scale = 1.0;  // multiplies every weight
  std::int32_t first_weightless = std::numeric_limits<std::int32_t>::max();  // experts from here on weigh 0
  std::vector<float> expert_scale = {};  // [E] multiplies the weights of each expert, or empty (Gemma 4)
};

struct ChosenRow {
  std::span<const float> scores;              // [K]
  std::span<const float> logits;              // [K]
  std::span<const std::int32_t> expert = {};  // [K], or empty where the rule treats all alike
};

// Whether the weights are the scores, whatever they are.
bool leaves_scores(const WeightRule& rule);

// weights [K]; sums in double. Where renormalised scores sum to 0 (all underflowed, norm_eps 0) the weights
// are 0, as every implementation with an epsilon has it, and not NaN.
void make_weights(const WeightRule& rule, const ChosenRow& chosen, std::span<float> weights);

}  // namespace moesim
