// moepp_hetero: experts that compute nothing (zero, copy, constant) weigh τ, feed-forward experts 1, so that
// a τ below 1 sends more tokens to the cheap ones (MoE++, arXiv:2410.07348, equation 7). As in the paper
// there is no factor E or 1/k; its repository holds no training code.

#include "balance/factor_loss.h"
#include "balance/loss_variants.h"

namespace moesim {
namespace {

bool computes(const LossInput& input, Index expert) {
  return expert < input.num_experts() - input.num_zero_experts;
}

Loss hetero_loss(const LossInput& input) {
  return share_loss(input, [&input](TokenRange group) {
    std::vector<double> factors = choice_shares(input, group);
    for (Index e = 0; e < input.num_experts(); ++e) {
      factors[e] *= computes(input, e) ? 1 : input.zero_expert_weight;
    }
    return factors;
  });
}

std::optional<double> balanced_hetero(const LossInput& input) {
  const auto experts = static_cast<double>(input.num_experts());
  const auto zero = static_cast<double>(input.num_zero_experts);
  return static_cast<double>(input.top_k) * (experts - zero + input.zero_expert_weight * zero) /
         (experts * experts);
}

std::string needs_zero_experts(const LossInput& input) {
  return input.num_zero_experts == 0 ? "no expert is a zero-computation expert" : "";
}

}  // namespace

LossEntry loss_moepp_hetero() {
  return {.name = "moepp_hetero",
          .summary = "balance among experts of which some compute nothing and may take more tokens",
          .formula =
              "sum_i eta_i f_i P_i, f_i = share of tokens with i among their top_k, eta = 1 or, for "
              "zero-computation experts, tau",
          .at_balance = "k (E_ffn + tau E_zero) / E^2",
          .default_weight = "1e-2, tau 0.75",
          .users = "MoE++",
          .origin = "Jin et al. 2024, arXiv:2410.07348, equation 7",
          .function = hetero_loss,
          .balanced = balanced_hetero,
          .why_not = needs_zero_experts};
}

}  // namespace moesim
