#include "experts/fill.h"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

constexpr Index kRowsPerBlock = 64;

void fill_uniform(RandomKey key, std::uint64_t row, float deviation, std::span<float> out) {
  const float scale = deviation * std::sqrt(3.0F) / 2147483648.0F;
  for (std::size_t i = 0; i < out.size(); i += 4) {
    const auto bits = random_bits(key, row, static_cast<std::uint32_t>(i / 4));
    for (std::size_t j = 0; j < 4 && i + j < out.size(); ++j) {
      out[i + j] = static_cast<float>(static_cast<std::int32_t>(bits[j])) * scale;
    }
  }
}

}  // namespace

void fill_rows(const MatrixFill& fill, MutableMatrixView rows) {
  for (Index r = 0; r < rows.rows; ++r) {
    fill_uniform(fill.key, fill.first_row + static_cast<std::uint64_t>(r), fill.deviation, rows.row(r));
  }
}

void fill_matrix(const MatrixFill& fill, Matrix& matrix, const Context& context) {
  const Index blocks = (matrix.rows() + kRowsPerBlock - 1) / kRowsPerBlock;
  context.for_each_block(blocks, [&](Index block) {
    const Index first = block * kRowsPerBlock;
    fill_rows({fill.key, fill.first_row + static_cast<std::uint64_t>(first), fill.deviation},
              matrix.view().block(first, std::min(kRowsPerBlock, matrix.rows() - first)));
  });
}

float unit_deviation(Index n) {
  return 1.0F / std::sqrt(static_cast<float>(std::max<Index>(1, n)));
}

}  // namespace moesim
