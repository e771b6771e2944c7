#include "balance/losses.h"

#include "balance/check_losses.h"
#include "balance/loss_groups.h"
#include "core/error.h"

namespace moesim {

Loss compute_loss(const LossEntry& entry, const LossInput& input) {
  check_loss_input(input);
  return entry.function(input);
}

std::vector<NamedLoss> all_losses(const LossInput& input) {
  const bool without_logits = input.logits.empty() && input.num_tokens() > 0;
  if (!without_logits) {
    check_loss_input(input);
  }
  std::vector<NamedLoss> all;
  for (const LossEntry& entry : losses().entries()) {
    NamedLoss loss{.name = entry.name,
                   .loss = std::nullopt,
                   .why_not = without_logits ? "the router looks at no logits" : entry.why_not(input)};
    if (loss.why_not.empty()) {
      loss.loss = entry.function(input);
    }
    all.push_back(std::move(loss));
  }
  return all;
}

std::vector<double> in_double(MatrixView logits) {
  return {logits.data, logits.data + logits.rows * logits.cols};
}

BatchCounts count_batch(const LossInput& input) {
  BatchCounts counts{.routed_per_expert = Counts(static_cast<std::size_t>(input.num_experts())),
                     .tokens = static_cast<std::uint64_t>(input.num_tokens()),
                     .steps = 1};
  std::vector<std::int32_t> scratch;
  for (Index t = 0; t < input.num_tokens(); ++t) {
    for (const std::int32_t expert : chosen_by(input, t, scratch)) {
      ++counts.routed_per_expert[expert];
    }
  }
  return counts;
}

BatchCounts sum_over_ranks(std::span<const BatchCounts> ranks) {
  BatchCounts sum;
  for (const BatchCounts& rank : ranks) {
    accumulate(rank, sum);
  }
  sum.steps = ranks.empty() ? 0 : ranks.front().steps;
  return sum;
}

void accumulate(const BatchCounts& step, BatchCounts& buffer) {
  MOESIM_CHECK(
      buffer.routed_per_expert.empty() || buffer.routed_per_expert.size() == step.routed_per_expert.size(),
      "counts of different numbers of experts");
  buffer.routed_per_expert.resize(step.routed_per_expert.size());
  for (std::size_t e = 0; e < step.routed_per_expert.size(); ++e) {
    buffer.routed_per_expert[e] += step.routed_per_expert[e];
  }
  buffer.tokens += step.tokens;
  buffer.steps += step.steps;
}

}  // namespace moesim
