#include "router/score.h"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

constexpr EnumName<ScoreFunc> kScoreFuncs[] = {{ScoreFunc::softmax, "softmax"},
                                               {ScoreFunc::sigmoid, "sigmoid"},
                                               {ScoreFunc::sqrt_softplus, "sqrt_softplus"},
                                               {ScoreFunc::relu, "relu"},
                                               {ScoreFunc::raw, "raw"}};

// exp only of numbers that are not positive, so that nothing overflows.
float sigmoid(float z) {
  const float e = std::exp(-std::abs(z));
  return z >= 0.0F ? 1.0F / (1.0F + e) : e / (1.0F + e);
}

float sqrt_softplus(float z) {
  return std::sqrt(std::max(z, 0.0F) + std::log1p(std::exp(-std::abs(z))));
}

void softmax(std::span<const float> logits, std::span<float> scores) {
  const float highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (std::size_t e = 0; e < logits.size(); ++e) {
    scores[e] = std::exp(logits[e] - highest);
    sum += scores[e];
  }
  const double scale = 1.0 / sum;
  for (float& score : scores) {
    score = static_cast<float>(score * scale);
  }
}

}  // namespace

std::span<const EnumName<ScoreFunc>> enum_names(ScoreFunc) {
  return kScoreFuncs;
}

void score_row(ScoreFunc func, std::span<const float> logits, std::span<float> scores) {
  switch (func) {
    case ScoreFunc::softmax:
      softmax(logits, scores);
      return;
    case ScoreFunc::sigmoid:
      std::transform(logits.begin(), logits.end(), scores.begin(), sigmoid);
      return;
    case ScoreFunc::sqrt_softplus:
      std::transform(logits.begin(), logits.end(), scores.begin(), sqrt_softplus);
      return;
    case ScoreFunc::relu:
      std::transform(logits.begin(), logits.end(), scores.begin(), [](float z) { return std::max(z, 0.0F); });
      return;
    case ScoreFunc::raw:
      std::copy(logits.begin(), logits.end(), scores.begin());
      return;
  }
}

}  // namespace moesim
