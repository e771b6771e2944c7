#include "balance/loss_scores.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace moesim {
namespace {

// Megatron-LM's guard against a division by 0.
constexpr double kShareEpsilon = 1e-20;

double sigmoid(double z) {
  const double e = std::exp(-std::abs(z));
  return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

double sqrt_softplus(double z) {
  return std::sqrt(std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z))));
}

// A score of its own logit alone.
double own_score(ScoreMap map, double z) {
  switch (map) {
    case ScoreMap::softmax:
      break;
    case ScoreMap::sigmoid_share:
      return sigmoid(z);
    case ScoreMap::sqrt_softplus_share:
      return sqrt_softplus(z);
    case ScoreMap::relu_share:
    case ScoreMap::relu:
      return std::max(z, 0.0);
  }
  throw_internal(__FILE__, __LINE__, "a softmax score is not one logit's own");
}

double own_slope(ScoreMap map, double z) {
  switch (map) {
    case ScoreMap::softmax:
      break;
    case ScoreMap::sigmoid_share:
      return sigmoid(z) * sigmoid(-z);
    case ScoreMap::sqrt_softplus_share: {
      const double score = sqrt_softplus(z);
      return score > 0 ? sigmoid(z) / (2 * score) : 0;
    }
    case ScoreMap::relu_share:
    case ScoreMap::relu:
      return z > 0 ? 1 : 0;
  }
  throw_internal(__FILE__, __LINE__, "a softmax score is not one logit's own");
}

void softmax(std::span<const double> logits, std::span<double> scores) {
  const double highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (std::size_t e = 0; e < logits.size(); ++e) {
    scores[e] = std::exp(logits[e] - highest);
    sum += scores[e];
  }
  for (double& score : scores) {
    score /= sum;
  }
}

double divisor(ScoreMap map, std::span<const double> logits) {
  double sum = kShareEpsilon;
  for (const double z : logits) {
    sum += own_score(map, z);
  }
  return sum;
}

}  // namespace

ScoreMap share_map(ScoreFunc func) {
  switch (func) {
    case ScoreFunc::softmax:
    case ScoreFunc::raw:
      return ScoreMap::softmax;
    case ScoreFunc::sigmoid:
      return ScoreMap::sigmoid_share;
    case ScoreFunc::sqrt_softplus:
      return ScoreMap::sqrt_softplus_share;
    case ScoreFunc::relu:
      return ScoreMap::relu_share;
  }
  throw_internal(__FILE__, __LINE__, "an unknown score function");
}

void map_row(ScoreMap map, std::span<const double> logits, std::span<double> scores) {
  if (map == ScoreMap::softmax) {
    softmax(logits, scores);
    return;
  }
  const double scale = map == ScoreMap::relu ? 1 : divisor(map, logits);
  for (std::size_t e = 0; e < logits.size(); ++e) {
    scores[e] = own_score(map, logits[e]) / scale;
  }
}

void pull_back_row(ScoreMap map, const ScoredRow& row, std::span<const double> upstream,
                   std::span<double> gradient) {
  double mean = 0;  // of the upstream, weighted by the scores
  if (map != ScoreMap::relu) {
    for (std::size_t e = 0; e < upstream.size(); ++e) {
      mean += upstream[e] * row.scores[e];
    }
  }
  const double scale = map == ScoreMap::relu || map == ScoreMap::softmax ? 1 : divisor(map, row.logits);
  for (std::size_t e = 0; e < upstream.size(); ++e) {
    const double slope = map == ScoreMap::softmax ? row.scores[e] : own_slope(map, row.logits[e]) / scale;
    gradient[e] += (upstream[e] - mean) * slope;
  }
}

}  // namespace moesim
