#include "metrics/step_record.h"

#include <algorithm>

namespace moesim {
namespace {

void add_all(std::vector<std::uint64_t>& sums, const std::vector<std::uint64_t>& more) {
  sums.resize(std::max(sums.size(), more.size()));
  for (std::size_t i = 0; i < more.size(); ++i) {
    sums[i] += more[i];
  }
}

}  // namespace

void LayerCounts::add(const LayerCounts& other) {
  tokens += other.tokens;
  assignments += other.assignments;
  kept += other.kept;
  kept_ffn += other.kept_ffn;
  tokens_without_expert += other.tokens_without_expert;
  distinct_experts += other.distinct_experts;
  steps += other.steps;
  add_all(routed_per_expert, other.routed_per_expert);
  add_all(tokens_per_expert, other.tokens_per_expert);
  add_all(tokens_with_k, other.tokens_with_k);
  for (std::size_t d = 0; d < kDeciles; ++d) {
    routed_in_decile[d] += other.routed_in_decile[d];
    dropped_in_decile[d] += other.dropped_in_decile[d];
  }
}

LayerCounts count_layer(const Assignments& assignments, const DispatchPlan& plan, const ExpertBank& bank) {
  LayerCounts counts;
  const Index tokens = assignments.num_tokens();
  counts.steps = 1;
  counts.tokens = static_cast<std::uint64_t>(tokens);
  counts.assignments = static_cast<std::uint64_t>(assignments.size());
  counts.routed_per_expert.resize(static_cast<std::size_t>(assignments.num_experts));
  counts.tokens_per_expert.resize(static_cast<std::size_t>(assignments.num_experts));
  for (Index t = 0; t < tokens; ++t) {
    const auto i = static_cast<std::size_t>(t);
    const std::size_t decile = static_cast<std::size_t>(t * static_cast<Index>(kDeciles) / tokens);
    const auto chosen = static_cast<std::size_t>(assignments.begin[i + 1] - assignments.begin[i]);
    counts.tokens_with_k.resize(std::max(counts.tokens_with_k.size(), chosen + 1));
    ++counts.tokens_with_k[chosen];
    std::uint64_t kept = 0;
    for (Index a = assignments.begin[i]; a < assignments.begin[i + 1]; ++a) {
      const auto expert = static_cast<std::size_t>(assignments.expert[static_cast<std::size_t>(a)]);
      ++counts.routed_per_expert[expert];
      ++counts.routed_in_decile[decile];
      if (plan.assignment_row[static_cast<std::size_t>(a)] < 0) {
        ++counts.dropped_in_decile[decile];
        continue;
      }
      ++kept;
      ++counts.tokens_per_expert[expert];
      counts.kept_ffn += bank.kind[expert] == ExpertKind::ffn ? 1 : 0;
    }
    counts.kept += kept;
    counts.tokens_without_expert += kept == 0 ? 1 : 0;
  }
  for (std::size_t e = 0; e < counts.tokens_per_expert.size(); ++e) {
    counts.distinct_experts += bank.kind[e] == ExpertKind::ffn && counts.tokens_per_expert[e] > 0 ? 1 : 0;
  }
  return counts;
}

LayerCounts count_soft_layer(const SoftMix& mix, const ExpertBank& bank) {
  const auto slots = static_cast<std::uint64_t>(mix.dispatch.cols());
  const auto experts = static_cast<std::uint64_t>(mix.num_experts);
  LayerCounts counts;
  counts.steps = 1;
  counts.tokens = static_cast<std::uint64_t>(mix.dispatch.rows());
  counts.assignments = slots;
  counts.kept = slots;
  counts.routed_per_expert.assign(experts, slots / experts);
  counts.tokens_per_expert = counts.routed_per_expert;
  for (const ExpertKind kind : bank.kind) {
    counts.kept_ffn += kind == ExpertKind::ffn ? slots / experts : 0;
    counts.distinct_experts += kind == ExpertKind::ffn ? 1 : 0;
  }
  return counts;
}

void StageSeconds::add(const StageSeconds& other) {
  norm += other.norm;
  gate += other.gate;
  route += other.route;
  plan += other.plan;
  dispatch += other.dispatch;
  experts += other.experts;
  combine += other.combine;
}

}  // namespace moesim
