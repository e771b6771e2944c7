#pragma once
// Private to this room: what routers share in which experts choose tokens.

#include <cstdint>
#include <span>
#include <vector>

#include "router/router.h"
#include "router/rows.h"

namespace moesim {

// columns[e] = what `row(t, out)` writes for token t: a token's numbers [E] become columns, so that an
// expert's numbers lie side by side. [E,T].
template <class Row>
Matrix numbers_by_expert(const Context& context, Index num_experts, Index num_tokens, const Row& row) {
  Matrix columns(num_experts, num_tokens);
  for_each_row_block(context, num_tokens, [&](Index first, Index last) {
    std::vector<float> numbers(static_cast<std::size_t>(num_experts));
    for (Index t = first; t < last; ++t) {
      row(t, std::span<float>(numbers));
      for (Index e = 0; e < num_experts; ++e) {
        columns.row(e)[static_cast<std::size_t>(t)] = numbers[static_cast<std::size_t>(e)];
      }
    }
  });
  return columns;
}

// The tokens that experts take: expert e's are token[begin[e] … begin[e+1]), in any order, each once.
struct TakenTokens {
  std::vector<Index> begin;         // [E+1]
  std::vector<std::int32_t> token;  // [N]
};

// Every expert's `count` highest of scores [E,T]; count <= T. Ties: the lowest token.
TakenTokens take_best(const Matrix& scores, Index count, const Context& context);

// The routing of these: within a token the best of scores [E,T] first, ties by the lowest expert. Weights are
// the scores.
Assignments assignments_of(const TakenTokens& taken, const Matrix& scores, const Context& context);

}  // namespace moesim
