// Losses that are a mean over tokens of something of the token's own: they balance nothing, but are trained
// together with a balancing loss.
//
// z_loss keeps logits small: the squared log-sum-exp (ST-MoE, arXiv:2202.08906, equation 5).
//
// entropy keeps the experts few that a top-p router needs: it asks for tokens that are sure of their expert
// (arXiv:2403.07652, section 2).

#include <algorithm>
#include <cmath>

#include "balance/factor_loss.h"
#include "balance/loss_variants.h"

namespace moesim {
namespace {

double log_sum_exp(std::span<const double> logits) {
  const double highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const double z : logits) {
    sum += std::exp(z - highest);
  }
  return highest + std::log(sum);
}

Loss z_loss(const LossInput& input) {
  Loss loss;
  loss.gradient.resize(input.logits.size());
  std::vector<double> scores(static_cast<std::size_t>(input.num_experts()));
  const auto tokens = static_cast<double>(input.num_tokens());
  for (Index t = 0; t < input.num_tokens(); ++t) {
    const std::span<const double> logits = row_of(input.logits, t, input.num_experts());
    const double log_sum = log_sum_exp(logits);
    loss.value += log_sum * log_sum / tokens;
    map_row(ScoreMap::softmax, logits, scores);
    const std::span<double> gradient = row_of(loss.gradient, t, input.num_experts());
    for (std::size_t e = 0; e < scores.size(); ++e) {
      gradient[e] = 2 * log_sum * scores[e] / tokens;
    }
  }
  return loss;
}

Loss entropy(const LossInput& input) {
  Loss loss;
  loss.gradient.resize(input.logits.size());
  const ScoreMap map = share_map(input.score_func);
  const auto tokens = static_cast<double>(input.num_tokens());
  std::vector<double> scores(static_cast<std::size_t>(input.num_experts()));
  std::vector<double> upstream(scores.size());
  for (Index t = 0; t < input.num_tokens(); ++t) {
    const std::span<const double> logits = row_of(input.logits, t, input.num_experts());
    map_row(map, logits, scores);
    for (std::size_t e = 0; e < scores.size(); ++e) {
      const double log_score = scores[e] > 0 ? std::log(scores[e]) : 0;  // 0·ln 0 is 0
      loss.value -= scores[e] * log_score / tokens;
      upstream[e] = scores[e] > 0 ? -(log_score + 1) / tokens : 0;
    }
    pull_back_row(map, {logits, scores}, upstream, row_of(loss.gradient, t, input.num_experts()));
  }
  return loss;
}

}  // namespace

LossEntry loss_z_loss() {
  return {.name = "z_loss",
          .summary = "small logits: the mean squared log-sum-exp",
          .formula = "mean_t (ln sum_i exp z_ti)^2",
          .at_balance = "any; 0 where every log-sum-exp is 0",
          .default_weight = "1e-3 ST-MoE, OLMoE, advised by Megatron-LM and megablocks",
          .users = "ST-MoE, OLMoE, Megatron-LM, megablocks, flaxformer",
          .origin = "Zoph et al. 2022, arXiv:2202.08906, equation 5",
          .function = z_loss,
          .balanced = never_balanced,
          .why_not = always_applies};
}

LossEntry loss_entropy() {
  return {.name = "entropy",
          .summary = "sure tokens: the mean entropy of a token's scores",
          .formula = "mean_t -sum_i p_ti ln p_ti",
          .at_balance = "any from 0 to ln E",
          .default_weight = "1e-4, beside a balancing loss of 1e-2",
          .users = "top-p routers (Huang et al. 2024)",
          .origin = "Huang et al. 2024, arXiv:2403.07652, section 2",
          .function = entropy,
          .balanced = never_balanced,
          .why_not = always_applies};
}

}  // namespace moesim
