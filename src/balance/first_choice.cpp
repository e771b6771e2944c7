// Losses that count a token's first choice alone, whatever its top_k: Σ f_i·P_i with f_i the share of tokens
// whose first choice is expert i, times a constant.
//
// switch and gshard_top1 are one formula with two histories: of one expert a token, and of the first of two.
//
// fairscale takes the mean over experts, as GShard's algorithm 1 is printed (arXiv:2006.16668: 1/E·Σ
// (c_e/S)·m_e); GShard's own code (lingvo, lingvo/core/gshard_layers.py) and everyone else multiply by E².
// Its gradient is E² times smaller at the same coefficient.

#include "balance/factor_loss.h"
#include "balance/loss_variants.h"

namespace moesim {
namespace {

Loss first_choice_loss(const LossInput& input, double factor) {
  return share_loss(input, [&input, factor](TokenRange group) {
    return scaled(first_choice_shares(input, group), factor);
  });
}

Loss times_experts(const LossInput& input) {
  return first_choice_loss(input, static_cast<double>(input.num_experts()));
}

Loss over_experts(const LossInput& input) {
  return first_choice_loss(input, 1 / static_cast<double>(input.num_experts()));
}

std::optional<double> balanced_mean(const LossInput& input) {
  const auto experts = static_cast<double>(input.num_experts());
  return 1 / (experts * experts);
}

}  // namespace

LossEntry loss_switch() {
  return {
      .name = "switch",
      .summary = "share of first choices times mean score, summed over experts and times E",
      .formula = "E * sum_i f1_i P_i, f1_i = share of tokens whose first choice is i",
      .at_balance = "1",
      .default_weight = "1e-2",
      .users =
          "Switch Transformer (mesh-tensorflow, flaxformer and transformers average it over groups: scope "
          "sequence), DeepSpeed top-1",
      .origin = "Fedus et al. 2021, arXiv:2101.03961, equations 4 to 6",
      .function = times_experts,
      .balanced = balanced_at_one,
      .why_not = always_applies};
}

LossEntry loss_gshard_top1() {
  return {.name = "gshard_top1",
          .summary = "the switch loss of routers with two experts a token: second choices are not counted",
          .formula = "E * sum_i f1_i P_i, f1_i = share of tokens whose first choice is i",
          .at_balance = "1",
          .default_weight = "1e-2",
          .users =
              "GShard (lingvo), mesh-tensorflow top-2, DeepSpeed top-2, Tutel gshard_loss, fastmoe, V-MoE's "
              "gshard_loss",
          .origin =
              "Lepikhin et al. 2020, arXiv:2006.16668, algorithm 1, times E^2 as in "
              "tensorflow/lingvo, lingvo/core/gshard_layers.py",
          .function = times_experts,
          .balanced = balanced_at_one,
          .why_not = always_applies};
}

LossEntry loss_fairscale() {
  return {.name = "fairscale",
          .summary = "gshard_top1 without the factor E^2: the mean over experts",
          .formula = "1/E * sum_i f1_i P_i",
          .at_balance = "1/E^2",
          .default_weight = "1",
          .users = "fairscale Top2Gate",
          .origin =
              "facebookresearch/fairscale, fairscale/nn/moe/top2gate.py; Lepikhin et al. 2020, "
              "arXiv:2006.16668, algorithm 1 as printed",
          .function = over_experts,
          .balanced = balanced_mean,
          .why_not = always_applies};
}

}  // namespace moesim
