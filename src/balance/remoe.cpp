// remoe_l1: keeps the scores of a ReLU router small, and with them the number of experts a token uses. An
// expert counts as chosen where its score is above 0; its mean score is weighted with its load over the fair
// one, E/(kT)·count (ReMoE, arXiv:2412.14711, equation 10; thu-ml/ReMoE,
// megatron/core/transformer/moe/router.py, apply_l1_reg), or not at all (equation 9). Shares do not sum to 1,
// so there is no smallest value but 0: the coefficient must follow the sparsity, times or over 1.2 each step.

#include "balance/factor_loss.h"
#include "balance/loss_variants.h"
#include "core/error.h"

namespace moesim {
namespace {

// E/k · share of the group's tokens with a positive score.
std::vector<double> relative_loads(const LossInput& input, TokenRange group) {
  std::vector<double> loads(static_cast<std::size_t>(input.num_experts()));
  for (Index t = group.first; t < group.last; ++t) {
    const std::span<const double> logits = row_of(input.logits, t, input.num_experts());
    for (std::size_t e = 0; e < loads.size(); ++e) {
      loads[e] += logits[e] > 0 ? 1 : 0;
    }
  }
  return scaled(loads,
                static_cast<double>(input.num_experts()) / (static_cast<double>(input.top_k) * group.size()));
}

std::vector<double> factors(const LossInput& input, TokenRange group) {
  switch (input.choices.l1_weighting) {
    case L1Weighting::balanced:
      return relative_loads(input, group);
    case L1Weighting::plain:
      return std::vector<double>(static_cast<std::size_t>(input.num_experts()), 1.0);
  }
  throw_internal(__FILE__, __LINE__, "an unknown weighting of scores");
}

Loss l1_loss(const LossInput& input) {
  return factor_loss(input, {.map = ScoreMap::relu,
                             .scope = input.choices.scope,
                             .factors = [&input](TokenRange group) { return factors(input, group); }});
}

std::string needs_relu(const LossInput& input) {
  return input.score_func == ScoreFunc::relu ? "" : "the router's scores are not relu";
}

}  // namespace

LossEntry loss_remoe_l1() {
  return {
      .name = "remoe_l1",
      .summary = "few experts and equal loads of a ReLU router: mean scores times relative loads",
      .formula = "sum_i F_i mean_t max(z_ti, 0), F_i = E/(k T) * tokens with z_ti > 0, or 1 (l1_weighting)",
      .at_balance = "any from 0: the sum of an average token's scores",
      .default_weight = "starts at 1e-8, times or over 1.2 each step to reach sparsity 1 - k/E",
      .users = "ReMoE",
      .origin =
          "Wang et al. 2024, arXiv:2412.14711, equations 9 and 10; thu-ml/ReMoE, "
          "megatron/core/transformer/moe/router.py, apply_l1_reg",
      .function = l1_loss,
      .balanced = never_balanced,
      .why_not = needs_relu};
}

}  // namespace moesim
