#pragma once
// Row loops of the routers: fixed blocks of tokens, whatever the number of threads.

#include <algorithm>

#include "core/parallel.h"

namespace moesim {

constexpr Index kRowsPerBlock = 64;

constexpr Index count_row_blocks(Index num_rows) {
  return (num_rows + kRowsPerBlock - 1) / kRowsPerBlock;
}

// Calls body(first, last) once for each block [first, last) of `num_rows` rows; see Context::for_each_block.
template <class Body>
void for_each_row_block(const Context& context, Index num_rows, const Body& body) {
  context.for_each_block(count_row_blocks(num_rows), [&](Index block) {
    const Index first = block * kRowsPerBlock;
    body(first, std::min(first + kRowsPerBlock, num_rows));
  });
}

}  // namespace moesim
