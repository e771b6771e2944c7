#pragma once
// Private to this room: a token's logits → the scores whose mean over the tokens is P, and the chain rule
// back.

#include <span>

#include "router/score.h"

namespace moesim {

enum class ScoreMap { softmax, sigmoid_share, sqrt_softplus_share, relu_share, relu };

// The map whose results are shares of 1: see balance/losses.h.
ScoreMap share_map(ScoreFunc func);

// logits [E] → scores [E]. Nothing overflows, whatever the logits.
void map_row(ScoreMap map, std::span<const double> logits, std::span<double> scores);

struct ScoredRow {
  std::span<const double> logits;  // [E]
  std::span<const double> scores;  // [E] as map_row made them
};

// Adds Σ_e upstream[e]·∂scores[e]/∂logits[j] to gradient[j].
void pull_back_row(ScoreMap map, const ScoredRow& row, std::span<const double> upstream,
                   std::span<double> gradient);

}  // namespace moesim
