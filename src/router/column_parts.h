#pragma once
// Private to this room: numbers of every column of a matrix (sums, maxima), first of each block of rows and
// then of all, so that they have the same bits on any number of threads.

#include <span>
#include <vector>

#include "router/rows.h"

namespace moesim {

class ColumnParts {
 public:
  ColumnParts(Index rows, Index cols)
      : cols_(static_cast<std::size_t>(cols)),
        blocks_(static_cast<std::size_t>((rows + kRowsPerBlock - 1) / kRowsPerBlock)),
        parts_(cols_ * blocks_) {}

  // Of the block of rows that begins at first_row, as for_each_row_block has it: to be filled in [cols].
  std::span<double> of_block(Index first_row) {
    return {parts_.data() + static_cast<std::size_t>(first_row / kRowsPerBlock) * cols_, cols_};
  }

  // all[c] = fold(… fold(fold(start, part of block 0), part of block 1) …)
  template <class Fold>
  void collect(double start, std::vector<double>& all, const Fold& fold) const {
    all.assign(cols_, start);
    for (std::size_t b = 0; b < blocks_; ++b) {
      for (std::size_t c = 0; c < cols_; ++c) {
        all[c] = fold(all[c], parts_[b * cols_ + c]);
      }
    }
  }

 private:
  std::size_t cols_;
  std::size_t blocks_;
  std::vector<double> parts_;  // [blocks, cols]
};

}  // namespace moesim
