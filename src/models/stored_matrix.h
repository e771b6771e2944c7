#pragma once
// A matrix as a checkpoint stores it, read as float32: plain numbers, 8-bit floats with scales for blocks of
// them (DeepSeek-V3, arXiv:2412.19437, section 3.3; value · weight_scale_inv), or MXFP4.

#include "core/matrix.h"
#include "io/safetensors.h"

namespace moesim {

struct StoredMatrix {
  const TensorInfo* tensor = nullptr;  // the numbers, or MXFP4's blocks; null: there is no such matrix
  const TensorInfo* scales = nullptr;  // none: the numbers are plain
  bool mxfp4 = false;
  std::uint64_t first = 0;  // place of the matrix's first number among those of the tensor
  Index rows = 0;
  Index cols = 0;
  // Of scales that are not MXFP4's: the number at (r, c) is multiplied by scale
  // first_scale + (r / block_rows)·scale_cols + c / block_cols.
  std::uint64_t first_scale = 0;
  Index block_rows = 1;
  Index block_cols = 1;
  Index scale_cols = 1;

  bool none() const { return tensor == nullptr; }
};

// out [n,m] = rows [first_row, first_row + n) and columns [first_col, first_col + m). Throws Error(bad_data)
// where a number is not finite. May be called from several threads.
void read_block(const TensorFolder& folder, const StoredMatrix& matrix, Index first_row, Index first_col,
                MutableMatrixView out);

// Numbers of a block of MXFP4, and the bytes they take.
inline constexpr Index kMxfp4Block = 32;
inline constexpr Index kMxfp4Bytes = 16;

}  // namespace moesim
