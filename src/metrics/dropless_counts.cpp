#include "metrics/dropless_counts.h"

#include <algorithm>
#include <span>

#include "dispatch/layout.h"
#include "metrics/load.h"

namespace moesim {
namespace {

// tokens_with_k of tokens whose assignments begin at begin[t]; most come in runs that chose as many.
void count_choices(std::span<const Index> begin, LayerCounts& counts) {
  std::size_t first = 0;
  while (first + 1 < begin.size()) {
    const Index chosen = begin[first + 1] - begin[first];
    std::size_t last = first + 1;
    while (last + 1 < begin.size() && begin[last + 1] - begin[last] == chosen) {
      ++last;
    }
    const auto k = static_cast<std::size_t>(chosen);
    counts.tokens_with_k.resize(std::max(counts.tokens_with_k.size(), k + 1));
    counts.tokens_with_k[k] += last - first;
    first = last;
  }
}

// [E]. Several counts of each expert, so that one that follows itself does not wait.
Counts count_experts(std::span<const std::int32_t> expert, std::size_t num_experts) {
  constexpr std::size_t kAtOnce = 4;
  Counts parts(num_experts * kAtOnce);
  for (std::size_t a = 0; a < expert.size(); ++a) {
    ++parts[static_cast<std::size_t>(expert[a]) * kAtOnce + a % kAtOnce];
  }
  Counts counts(num_experts);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    counts[i / kAtOnce] += parts[i];
  }
  return counts;
}

}  // namespace

LayerCounts count_dropless_layer(const Assignments& assignments, const ExpertBank& bank) {
  LayerCounts counts;
  const Index tokens = assignments.num_tokens();
  counts.steps = 1;
  counts.tokens = static_cast<std::uint64_t>(tokens);
  counts.assignments = static_cast<std::uint64_t>(assignments.size());
  counts.kept = counts.assignments;
  counts.routed_per_expert =
      count_experts(assignments.expert, static_cast<std::size_t>(assignments.num_experts));
  counts.tokens_per_expert = counts.routed_per_expert;
  count_choices(assignments.begin, counts);
  counts.tokens_without_expert = counts.tokens_with_k.empty() ? 0 : counts.tokens_with_k[0];
  constexpr auto kTenths = static_cast<Index>(kDeciles);
  // Tenth d begins with the first token t for which 10·t >= d·T.
  const auto begin_of = [&](Index d) {
    return assignments.begin[static_cast<std::size_t>((d * tokens + kTenths - 1) / kTenths)];
  };
  for (Index d = 0; d < kTenths && tokens > 0; ++d) {
    counts.routed_in_decile[static_cast<std::size_t>(d)] =
        static_cast<std::uint64_t>(begin_of(d + 1) - begin_of(d));
  }
  for (std::size_t e = 0; e < counts.tokens_per_expert.size(); ++e) {
    const std::uint64_t rows = bank.kind[e] == ExpertKind::ffn ? counts.tokens_per_expert[e] : 0;
    counts.kept_ffn += rows;
    counts.distinct_experts += rows > 0 ? 1 : 0;
  }
  const std::span<const std::uint64_t> loads = counts.tokens_per_expert;
  counts.rows_to_largest = layout_rows({.loads = loads, .layout = Layout::to_largest});
  counts.rows_in_blocks = layout_rows({.loads = loads, .layout = Layout::in_blocks, .size = kMegablocksRows});
  return counts;
}

}  // namespace moesim
