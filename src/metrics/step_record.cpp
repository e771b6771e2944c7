#include "metrics/step_record.h"

#include <algorithm>
#include <span>

#include "dispatch/layout.h"

namespace moesim {
namespace {

void add_all(std::vector<std::uint64_t>& sums, const std::vector<std::uint64_t>& more) {
  sums.resize(std::max(sums.size(), more.size()));
  for (std::size_t i = 0; i < more.size(); ++i) {
    sums[i] += more[i];
  }
}

// Which tenth of its group a token stands in; the last group may be shorter.
std::size_t decile_of(Index token, Index tokens, Index group) {
  const Index first = token / group * group;
  const Index size = std::min(group, tokens - first);
  return static_cast<std::size_t>((token - first) * static_cast<Index>(kDeciles) / size);
}

void count_layouts(const DispatchPlan& plan, LayerCounts& counts) {
  const std::span<const std::uint64_t> loads = counts.tokens_per_expert;
  counts.rows_to_largest = layout_rows({.loads = loads, .layout = Layout::to_largest});
  counts.rows_in_blocks = layout_rows({.loads = loads, .layout = Layout::in_blocks, .size = kMegablocksRows});
  if (plan.room) {
    const double places =
        static_cast<double>(plan.num_experts()) / static_cast<double>(plan.room->place_experts);
    for (const Index capacity : plan.room->capacity) {
      counts.rows_to_capacity += places * static_cast<double>(capacity);
    }
  }
}

}  // namespace

void LayerCounts::add(const LayerCounts& other) {
  tokens += other.tokens;
  assignments += other.assignments;
  kept += other.kept;
  rerouted += other.rerouted;
  outranked += other.outranked;
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
  rows_to_largest += other.rows_to_largest;
  rows_to_capacity += other.rows_to_capacity;
  rows_in_blocks += other.rows_in_blocks;
}

LayerCounts count_layer(const Assignments& assignments, const DispatchPlan& plan, const ExpertBank& bank) {
  LayerCounts counts;
  const Index tokens = assignments.num_tokens();
  const Index group = plan.room ? plan.room->group_tokens : tokens;
  counts.steps = 1;
  counts.tokens = static_cast<std::uint64_t>(tokens);
  counts.assignments = static_cast<std::uint64_t>(assignments.size());
  counts.routed_per_expert.resize(static_cast<std::size_t>(assignments.num_experts));
  counts.tokens_per_expert.resize(static_cast<std::size_t>(assignments.num_experts));
  for (Index t = 0; t < tokens; ++t) {
    const auto i = static_cast<std::size_t>(t);
    const std::size_t decile = decile_of(t, tokens, group);
    const auto chosen = static_cast<std::size_t>(assignments.begin[i + 1] - assignments.begin[i]);
    counts.tokens_with_k.resize(std::max(counts.tokens_with_k.size(), chosen + 1));
    ++counts.tokens_with_k[chosen];
    std::uint64_t kept = 0;
    for (Index a = assignments.begin[i]; a < assignments.begin[i + 1]; ++a) {
      const auto expert = static_cast<std::size_t>(assignments.expert[static_cast<std::size_t>(a)]);
      ++counts.routed_per_expert[expert];
      ++counts.routed_in_decile[decile];
      const DropReason reason = plan.drop_reason[static_cast<std::size_t>(a)];
      if (!has_row(reason)) {
        ++counts.dropped_in_decile[decile];
        counts.outranked += reason == DropReason::outranked ? 1 : 0;
        continue;
      }
      const bool moved = reason == DropReason::rerouted;
      const auto runs_on =
          moved
              ? static_cast<std::size_t>(plan.expert_of_row(plan.assignment_row[static_cast<std::size_t>(a)]))
              : expert;
      ++kept;
      counts.rerouted += moved ? 1 : 0;
      ++counts.tokens_per_expert[runs_on];
      counts.kept_ffn += bank.kind[runs_on] == ExpertKind::ffn ? 1 : 0;
    }
    counts.kept += kept;
    counts.tokens_without_expert += kept == 0 ? 1 : 0;
  }
  for (std::size_t e = 0; e < counts.tokens_per_expert.size(); ++e) {
    counts.distinct_experts += bank.kind[e] == ExpertKind::ffn && counts.tokens_per_expert[e] > 0 ? 1 : 0;
  }
  count_layouts(plan, counts);
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
