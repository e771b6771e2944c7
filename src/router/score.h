#pragma once
// The score stage: a token's logits → its scores, one per expert.

#include <span>

#include "config/fields.h"

namespace moesim {

enum class ScoreFunc {
  softmax,        // exp(z − max z) / Σ; the sum in double; 0 where z is more than 87 below the highest
  sigmoid,        // 1 / (1 + exp(−z)); 0 below −87
  sqrt_softplus,  // √ln(1 + exp(z)), arXiv:2606.19348
  relu,           // max(z, 0), arXiv:2412.14711
  raw,            // z
};

std::span<const EnumName<ScoreFunc>> enum_names(ScoreFunc);

// logits [E], all finite; scores [E], never NaN. A larger logit never gets a smaller score (sigmoid: but for
// a unit in the last place). Softmax and sigmoid have the same bits on every processor, within 3 units in the
// last place of the formula with z − max z in float.
void score_row(ScoreFunc func, std::span<const float> logits, std::span<float> scores);

}  // namespace moesim
