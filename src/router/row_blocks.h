#pragma once
// Private to this room: rows of any length, made in parallel by blocks of tokens and then laid end to end.

#include <span>
#include <vector>

#include "router/routing.h"

namespace moesim {

// The assignments of the tokens of one block, token after token.
struct RowBlock {
  std::vector<Index> count;  // of each token
  std::vector<std::int32_t> expert;
  std::vector<float> weight, score;  // as long as expert
  Index tied = 0;                    // see Assignments::tied

  void add(std::span<const std::int32_t> experts, std::span<const float> weights,
           std::span<const float> scores);
};

// The blocks in order. Throws Error(internal) when their tokens are not `num_tokens`.
Assignments join_blocks(Index num_experts, Index num_tokens, std::span<const RowBlock> blocks);

}  // namespace moesim
