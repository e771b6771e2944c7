#pragma once
// Private to this room: the stages of token choice as a config gives them, and which of them go together.

#include <vector>

#include "config/binder.h"
#include "router/gate.h"
#include "router/noise.h"
#include "router/score.h"
#include "router/second.h"
#include "router/select.h"
#include "router/weight.h"

namespace moesim {

enum class BiasOn { score, logit, none };
std::span<const EnumName<BiasOn>> enum_names(BiasOn);

// What experts are chosen by: the score, or the logit it is made from. They differ only where scores of
// different logits round to one float (a sigmoid beyond 17 is 1).
enum class SelectOn { score, logit };
std::span<const EnumName<SelectOn>> enum_names(SelectOn);

struct TokenChoiceParams : GateParams {
  Noise noise = Noise::none;
  double noise_scale = 0.0;  // 0: the natural one
  NoiseFor noise_for = NoiseFor::scores;
  double noise_skew = 0.0;
  ScoreFunc score_func = ScoreFunc::softmax;
  SelectOn select_on = SelectOn::score;
  std::vector<double> expert_bias;
  BiasOn expert_bias_on = BiasOn::score;
  std::int64_t num_expert_groups = 1;
  std::int64_t num_limited_groups = 1;
  GroupScore group_score = GroupScore::max;
  MaskFill mask_fill = MaskFill::neg_inf;
  Select select = Select::top_k;
  std::int64_t top_k = 2;
  double top_p = 0.4;
  double threshold = 0.5;
  SecondPolicy second_policy = SecondPolicy::all;
  double second_threshold = 0.2;
  bool softmax_after_top_k = false;
  bool route_norm = false;
  NormFloor norm_floor = NormFloor::add;
  double norm_eps = 0.0;
  bool norm_single = true;
  double route_scale = 1.0;
  std::vector<double> expert_scale;
  std::int64_t weightless_experts = 0;
  WeightOn weight_on = WeightOn::output;

  bool grouped() const { return num_expert_groups > 1; }
  // Whether some group is left out.
  bool limited() const { return grouped() && num_limited_groups < num_expert_groups; }
  bool renormalised() const { return route_norm && !softmax_after_top_k; }
  // Whether a second policy may leave the second expert out, or draw it.
  bool has_second_policy() const {
    return select == Select::top_k && top_k == 2 && second_policy != SecondPolicy::all;
  }
  bool draws() const {
    return noise != Noise::none || jitter_eps > 0.0 ||
           (has_second_policy() && second_policy != SecondPolicy::none &&
            second_policy != SecondPolicy::threshold);
  }
};

void describe(Fields<TokenChoiceParams>& f);

// Reports what does not go together, or not with the number of experts.
void check_relations(Binder& binder, const Node& section, const TokenChoiceParams& p, Index num_experts);

}  // namespace moesim
