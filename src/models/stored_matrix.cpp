#include "models/stored_matrix.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "core/error.h"
#include "io/number_formats.h"

namespace moesim {
namespace {

[[noreturn]] void throw_not_finite(const TensorFolder& folder, const StoredMatrix& matrix, Index row,
                                   Index col) {
  throw Error(ErrorKind::bad_data,
              fmt::format("{}: error: number {} of row {} times its scale is not finite in float32; expected "
                          "finite numbers [not-finite]",
                          folder.where(*matrix.tensor), col, row));
}

void check_finite(const TensorFolder& folder, const StoredMatrix& matrix, Index row, Index first_col,
                  std::span<const float> numbers) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (!std::isfinite(numbers[i])) {
      throw_not_finite(folder, matrix, row, first_col + static_cast<Index>(i));
    }
  }
}

std::uint64_t place(const StoredMatrix& matrix, Index row, Index col) {
  return matrix.first + static_cast<std::uint64_t>(row) * static_cast<std::uint64_t>(matrix.cols) +
         static_cast<std::uint64_t>(col);
}

// Blocks lie along the columns, so a row is whole blocks.
void read_mxfp4_row(const TensorFolder& folder, const StoredMatrix& matrix, Index row, Index first_col,
                    std::span<float> out) {
  const Index begin = first_col / kMxfp4Block;
  const Index end = (first_col + static_cast<Index>(out.size()) + kMxfp4Block - 1) / kMxfp4Block;
  const auto count = static_cast<std::size_t>(end - begin);
  const std::uint64_t first_block = place(matrix, row, 0) / kMxfp4Block + static_cast<std::uint64_t>(begin);
  std::vector<std::byte> packed(count * kMxfp4Bytes);
  std::vector<std::byte> scales(count);
  std::vector<float> numbers(count * kMxfp4Block);
  folder.read_bytes(*matrix.tensor, first_block * kMxfp4Bytes, packed);
  folder.read_bytes(*matrix.scales, first_block, scales);
  decode_mxfp4(packed, scales, numbers);
  const auto from = numbers.begin() + (first_col - begin * kMxfp4Block);
  std::copy(from, from + static_cast<std::ptrdiff_t>(out.size()), out.begin());
  check_finite(folder, matrix, row, first_col, out);
}

void read_scaled_row(const TensorFolder& folder, const StoredMatrix& matrix, Index row, Index first_col,
                     std::span<float> out) {
  folder.read(*matrix.tensor, place(matrix, row, first_col), out);
  std::vector<float> scales(static_cast<std::size_t>(matrix.scale_cols));
  folder.read(*matrix.scales,
              matrix.first_scale + static_cast<std::uint64_t>(row / matrix.block_rows * matrix.scale_cols),
              scales);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] *= scales[static_cast<std::size_t>((first_col + static_cast<Index>(i)) / matrix.block_cols)];
  }
  check_finite(folder, matrix, row, first_col, out);
}

}  // namespace

void read_block(const TensorFolder& folder, const StoredMatrix& matrix, Index first_row, Index first_col,
                MutableMatrixView out) {
  MOESIM_CHECK(!matrix.none() && first_row >= 0 && first_col >= 0 && first_row + out.rows <= matrix.rows &&
                   first_col + out.cols <= matrix.cols,
               "a block outside its matrix");
  if (out.rows == 0 || out.cols == 0) {
    return;
  }
  const bool plain = matrix.scales == nullptr;
  if (plain && out.cols == matrix.cols) {
    folder.read(*matrix.tensor, place(matrix, first_row, 0),
                {out.data, static_cast<std::size_t>(out.rows) * static_cast<std::size_t>(out.cols)});
    return;
  }
  for (Index r = 0; r < out.rows; ++r) {
    const Index row = first_row + r;
    if (plain) {
      folder.read(*matrix.tensor, place(matrix, row, first_col), out.row(r));
    } else if (matrix.mxfp4) {
      read_mxfp4_row(folder, matrix, row, first_col, out.row(r));
    } else {
      read_scaled_row(folder, matrix, row, first_col, out.row(r));
    }
  }
}

}  // namespace moesim
