#include "router/score.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "router/kernels/choose.h"

namespace moesim {
namespace {

constexpr EnumName<ScoreFunc> kScoreFuncs[] = {{ScoreFunc::softmax, "softmax"},
                                               {ScoreFunc::sigmoid, "sigmoid"},
                                               {ScoreFunc::sqrt_softplus, "sqrt_softplus"},
                                               {ScoreFunc::relu, "relu"},
                                               {ScoreFunc::raw, "raw"}};

float sqrt_softplus(float z) {
  return std::sqrt(std::max(z, 0.0F) + std::log1p(std::exp(-std::abs(z))));
}

}  // namespace

std::span<const EnumName<ScoreFunc>> enum_names(ScoreFunc) {
  return kScoreFuncs;
}

void score_row(ScoreFunc func, std::span<const float> logits, std::span<float> scores) {
  switch (func) {
    case ScoreFunc::softmax:
      row_kernels().softmax(logits.data(), std::ssize(logits), scores.data());
      return;
    case ScoreFunc::sigmoid:
      row_kernels().sigmoid(logits.data(), std::ssize(logits), scores.data());
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
