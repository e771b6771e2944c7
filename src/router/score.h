#pragma once
// The score stage: a token's logits → its scores, one per expert.

#include <span>

#include "config/fields.h"

namespace moesim {

enum class ScoreFunc {
  softmax,        // exp(z − max z) / Σ; the sum in double
  sigmoid,        // 1 / (1 + exp(−z))
  sqrt_softplus,  // √ln(1 + exp(z)), arXiv:2606.19348
  relu,           // max(z, 0), arXiv:2412.14711
  raw,            // z
};

std::span<const EnumName<ScoreFunc>> enum_names(ScoreFunc);

// logits [E], all finite; scores [E], never NaN. A larger logit never gets a smaller score.
void score_row(ScoreFunc func, std::span<const float> logits, std::span<float> scores);

}  // namespace moesim
