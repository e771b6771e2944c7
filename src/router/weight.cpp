#include "router/weight.h"

#include <algorithm>
#include <numeric>

#include "router/score.h"

namespace moesim {
namespace {

constexpr EnumName<WeightOn> kWeightOns[] = {{WeightOn::output, "output"}, {WeightOn::input, "input"}};

}  // namespace

std::span<const EnumName<WeightOn>> enum_names(WeightOn) {
  return kWeightOns;
}

void make_weights(const WeightRule& rule, const ChosenRow& chosen, std::span<float> weights) {
  double scale = rule.route_scale;
  if (rule.softmax_selected) {
    score_row(ScoreFunc::softmax, chosen.logits, weights);
  } else {
    std::copy(chosen.scores.begin(), chosen.scores.end(), weights.begin());
    if (rule.renormalise) {
      const double sum = std::accumulate(weights.begin(), weights.end(), 0.0) + rule.norm_eps;
      scale = sum > 0.0 ? scale / sum : 0.0;
    }
  }
  for (float& weight : weights) {
    weight = static_cast<float>(weight * scale);
  }
}

}  // namespace moesim
