#include "router/row_blocks.h"

#include "core/error.h"
#include "router/rows.h"

namespace moesim {

void RowBlock::add(std::span<const std::int32_t> experts, std::span<const float> weights,
                   std::span<const float> scores) {
  if (count.empty()) {  // as if all rows were as long as the first: no growing where each token has K experts
    constexpr auto kRows = static_cast<std::size_t>(kRowsPerBlock);
    count.reserve(kRows);
    expert.reserve(kRows * experts.size());
    weight.reserve(kRows * experts.size());
    score.reserve(kRows * experts.size());
  }
  count.push_back(static_cast<Index>(experts.size()));
  expert.insert(expert.end(), experts.begin(), experts.end());
  weight.insert(weight.end(), weights.begin(), weights.end());
  score.insert(score.end(), scores.begin(), scores.end());
}

Assignments join_blocks(Index num_experts, Index num_tokens, std::span<const RowBlock> blocks) {
  Assignments out;
  out.num_experts = num_experts;
  std::size_t size = 0;
  for (const RowBlock& block : blocks) {
    size += block.expert.size();
  }
  out.begin.reserve(static_cast<std::size_t>(num_tokens) + 1);
  out.begin.push_back(0);
  out.expert.reserve(size);
  out.weight.reserve(size);
  out.score.reserve(size);
  for (const RowBlock& block : blocks) {
    for (const Index count : block.count) {
      out.begin.push_back(out.begin.back() + count);
    }
    out.expert.insert(out.expert.end(), block.expert.begin(), block.expert.end());
    out.weight.insert(out.weight.end(), block.weight.begin(), block.weight.end());
    out.score.insert(out.score.end(), block.score.begin(), block.score.end());
    out.tied += block.tied;
  }
  MOESIM_CHECK(out.num_tokens() == num_tokens, "blocks of rows that do not cover the batch");
  return out;
}

}  // namespace moesim
