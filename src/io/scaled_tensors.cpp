#include "io/scaled_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/text.h"
#include "io/number_formats.h"

namespace moesim {
namespace {

constexpr std::uint64_t kMxfp4Block = 32;       // numbers of one scale
constexpr std::uint64_t kMxfp4BlockBytes = 16;  // two numbers to a byte

using Shape = std::vector<std::uint64_t>;

std::uint64_t blocks_of(std::uint64_t count, std::uint64_t block) {
  return count / block + (count % block != 0 ? 1 : 0);
}

std::string shown(const TensorInfo& tensor) {
  return fmt::format("{} [{}]", tensor.type_name, fmt::join(tensor.shape, ", "));
}

[[noreturn]] void throw_mismatch(const TensorFolder& folder, const TensorInfo& tensor,
                                 const TensorInfo& scale, const std::string& expected) {
  throw Error(
      ErrorKind::bad_data,
      fmt::format("{}: error: it is {} and its scales '{}' are {}; expected {} [tensor-shape]",
                  folder.where(tensor), shown(tensor), display_safe(scale.name), shown(scale), expected));
}

[[noreturn]] void throw_not_finite(const TensorFolder& folder, const TensorInfo& tensor, Index row, Index col,
                                   float value) {
  throw Error(
      ErrorKind::bad_data,
      fmt::format("{}: error: with its scale the number in row {}, column {} (from 0) is {}; expected a "
                  "finite float32 [not-finite]",
                  folder.where(tensor), row, col, std::isnan(value) ? "nan" : fmt::format("{}", value)));
}

void check_finite(const TensorFolder& folder, const TensorInfo& tensor, Index first, MatrixView rows) {
  const std::span<const float> all(rows.data, static_cast<std::size_t>(rows.rows * rows.cols));
  if (const std::size_t bad = find_not_finite(all); bad < all.size()) {
    const auto place = static_cast<Index>(bad);
    throw_not_finite(folder, tensor, first + place / rows.cols, place % rows.cols, all[bad]);
  }
}

// Product of all but the last `count` dimensions; of a header, so that no product overflows.
Index leading_product(const Shape& shape, std::size_t count) {
  std::uint64_t product = 1;
  for (std::size_t i = 0; i + count < shape.size(); ++i) {
    product *= shape[i];
  }
  return static_cast<Index>(product);
}

void check_range(const RowsAndCols& size, Index first, const MutableMatrixView& out) {
  MOESIM_CHECK(out.cols == size.cols && first >= 0 && out.rows >= 0 && first <= size.rows &&
                   out.rows <= size.rows - first,
               "rows that the tensor does not have");
}

std::span<float> numbers_of(const MutableMatrixView& rows) {
  return {rows.data, static_cast<std::size_t>(rows.rows * rows.cols)};
}

}  // namespace

RowsAndCols size_of(const TensorFolder& folder, const BlockScaledTensor& tensor) {
  MOESIM_CHECK(tensor.block_rows > 0 && tensor.block_cols > 0, "blocks without numbers");
  const Shape& shape = tensor.weight.shape;
  if (shape.size() < 2) {
    throw_mismatch(folder, tensor.weight, tensor.scale, "rows and columns");
  }
  Shape expected = shape;
  expected[shape.size() - 2] =
      blocks_of(shape[shape.size() - 2], static_cast<std::uint64_t>(tensor.block_rows));
  expected.back() = blocks_of(shape.back(), static_cast<std::uint64_t>(tensor.block_cols));
  if (tensor.scale.shape != expected) {
    throw_mismatch(folder, tensor.weight, tensor.scale,
                   fmt::format("scales [{}], one for each block of {} x {}", fmt::join(expected, ", "),
                               tensor.block_rows, tensor.block_cols));
  }
  return {.rows = leading_product(shape, 1), .cols = static_cast<Index>(shape.back())};
}

RowsAndCols size_of(const TensorFolder& folder, const Mxfp4Tensor& tensor) {
  const Shape& blocks = tensor.blocks.shape;
  const bool fits = blocks.size() >= 2 && blocks.back() == kMxfp4BlockBytes &&
                    tensor.blocks.type == TensorType::u8 && tensor.scales.type == TensorType::u8 &&
                    Shape(blocks.begin(), blocks.end() - 1) == tensor.scales.shape;
  if (!fits) {
    throw_mismatch(folder, tensor.blocks, tensor.scales,
                   "blocks U8 [..., C/32, 16] and scales U8 [..., C/32]");
  }
  return {.rows = leading_product(blocks, 2),
          .cols = static_cast<Index>(blocks[blocks.size() - 2] * kMxfp4Block)};
}

void read_rows(const TensorFolder& folder, const BlockScaledTensor& tensor, Index first,
               MutableMatrixView out) {
  const RowsAndCols size = size_of(folder, tensor);
  check_range(size, first, out);
  folder.read(tensor.weight, static_cast<std::uint64_t>(first * size.cols), numbers_of(out));
  const Shape& shape = tensor.weight.shape;
  const auto matrix_rows = static_cast<Index>(shape[shape.size() - 2]);
  const auto scale_rows = static_cast<Index>(tensor.scale.shape[shape.size() - 2]);
  const auto scale_cols = static_cast<Index>(tensor.scale.shape.back());
  Matrix scales;
  for (Index done = 0; done < out.rows && size.cols > 0;) {  // one matrix after the other
    const Index matrix = (first + done) / matrix_rows;
    const Index row = (first + done) % matrix_rows;
    const Index count = std::min(out.rows - done, matrix_rows - row);
    const Index first_scale = row / tensor.block_rows;
    const Index last_scale = (row + count - 1) / tensor.block_rows;
    scales.resize(last_scale + 1 - first_scale, scale_cols);
    folder.read(tensor.scale, static_cast<std::uint64_t>((matrix * scale_rows + first_scale) * scale_cols),
                numbers_of(scales.view()));
    scale_blocks({.scale = scales.view(),
                  .first_row = row - first_scale * tensor.block_rows,
                  .block_rows = tensor.block_rows,
                  .block_cols = tensor.block_cols},
                 out.block(done, count));
    done += count;
  }
  check_finite(folder, tensor.weight, first, out);
}

void read_rows(const TensorFolder& folder, const Mxfp4Tensor& tensor, Index first, MutableMatrixView out) {
  const RowsAndCols size = size_of(folder, tensor);
  check_range(size, first, out);
  const auto blocks_per_row = static_cast<std::uint64_t>(size.cols) / kMxfp4Block;
  const auto first_block = static_cast<std::uint64_t>(first) * blocks_per_row;
  const auto count = static_cast<std::size_t>(out.rows) * blocks_per_row;
  std::vector<std::byte> packed(count * kMxfp4BlockBytes);
  std::vector<std::byte> scales(count);
  folder.read_bytes(tensor.blocks, first_block * kMxfp4BlockBytes, packed);
  folder.read_bytes(tensor.scales, first_block, scales);
  decode_mxfp4(packed, scales, numbers_of(out));
  check_finite(folder, tensor.blocks, first, out);
}

}  // namespace moesim
