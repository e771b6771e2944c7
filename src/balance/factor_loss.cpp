#include "balance/factor_loss.h"

#include <utility>

namespace moesim {

Loss factor_loss(const LossInput& input, const FactorLoss& rule) {
  const Index num_experts = input.num_experts();
  Loss loss;
  loss.gradient.resize(input.logits.size());
  std::vector<double> scores(static_cast<std::size_t>(num_experts));
  const std::vector<TokenRange> groups = groups_of(input, rule.scope);
  for (const TokenRange& group : groups) {
    const double weight = 1 / (static_cast<double>(groups.size()) * group.size());  // of one token
    const std::vector<double> upstream = scaled(rule.factors(group), weight);
    double sum = 0;
    for (Index t = group.first; t < group.last; ++t) {
      const std::span<const double> logits = row_of(input.logits, t, num_experts);
      map_row(rule.map, logits, scores);
      for (Index e = 0; e < num_experts; ++e) {
        sum += upstream[e] * scores[e];
      }
      pull_back_row(rule.map, {logits, scores}, upstream, row_of(loss.gradient, t, num_experts));
    }
    loss.value += sum;
  }
  return loss;
}

Loss share_loss(const LossInput& input, std::function<std::vector<double>(TokenRange)> factors) {
  return factor_loss(
      input,
      {.map = share_map(input.score_func), .scope = input.choices.scope, .factors = std::move(factors)});
}

std::vector<double> scaled(std::vector<double> values, double factor) {
  for (double& value : values) {
    value *= factor;
  }
  return values;
}

}  // namespace moesim
