#include "router/weight.h"

#include <algorithm>
#include <numeric>

#include "router/score.h"

namespace moesim {
namespace {

constexpr EnumName<WeightOn> kWeightOns[] = {{WeightOn::output, "output"}, {WeightOn::input, "input"}};
constexpr EnumName<NormFloor> kNormFloors[] = {{NormFloor::add, "add"}, {NormFloor::clamp, "clamp"}};

double divisor_of(const WeightRule& rule, std::span<const float> weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  return rule.norm_floor == NormFloor::add ? sum + rule.norm_eps : std::max(sum, rule.norm_eps);
}

}  // namespace

std::span<const EnumName<WeightOn>> enum_names(WeightOn) {
  return kWeightOns;
}

std::span<const EnumName<NormFloor>> enum_names(NormFloor) {
  return kNormFloors;
}

bool leaves_scores(const WeightRule& rule) {
  return !rule.softmax_selected && !rule.renormalise && rule.route_scale == 1.0 &&
         rule.expert_scale.empty() && rule.first_weightless == std::numeric_limits<std::int32_t>::max();
}

void make_weights(const WeightRule& rule, const ChosenRow& chosen, std::span<float> weights) {
  if (weights.empty()) {
    return;
  }
  double scale = rule.route_scale;
  if (rule.softmax_selected) {
    score_row(ScoreFunc::softmax, chosen.logits, weights);
  } else {
    std::copy(chosen.scores.begin(), chosen.scores.end(), weights.begin());
    const bool all_weigh = rule.first_weightless == std::numeric_limits<std::int32_t>::max();
    for (std::size_t j = 0; j < chosen.expert.size() && !all_weigh; ++j) {
      weights[j] = chosen.expert[j] < rule.first_weightless ? weights[j] : 0.0F;
    }
    if (rule.renormalise && (weights.size() > 1 || rule.norm_single)) {
      const double divisor = divisor_of(rule, weights);
      scale = divisor > 0.0 ? scale / divisor : 0.0;
    }
  }
  for (std::size_t j = 0; j < weights.size(); ++j) {
    const double own = rule.expert_scale.empty()
                           ? scale
                           : scale * rule.expert_scale[static_cast<std::size_t>(chosen.expert[j])];
    weights[j] = static_cast<float>(weights[j] * own);
  }
}

}  // namespace moesim
