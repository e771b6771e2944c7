#pragma once
// Weights whose scales are tensors of their own: DeepSeek's fp8 blocks and gpt-oss's MXFP4.

#include "core/matrix.h"
#include "io/safetensors.h"

namespace moesim {

// `weight` [R,C] in fp8 (or any float) and `scale` [⌈R/block_rows⌉, ⌈C/block_cols⌉] (`…weight_scale_inv`):
// each weight times its block's scale, in float32. Dimensions before the last two are the same in both:
// matrices behind each other, whose rows are counted through.
struct BlockScaledTensor {
  const TensorInfo& weight;
  const TensorInfo& scale;
  Index block_rows = 128;  // `quantization_config.weight_block_size`
  Index block_cols = 128;
};

// `blocks` u8 […,C/32,16] and `scales` u8 […,C/32] of rows of C numbers, as gpt-oss's `…_blocks` and
// `…_scales` are.
struct Mxfp4Tensor {
  const TensorInfo& blocks;
  const TensorInfo& scales;
};

// Rows and columns, when the shapes belong together. Throw Error(bad_data) naming both tensors otherwise.
struct RowsAndCols {
  Index rows = 0;
  Index cols = 0;
};
RowsAndCols size_of(const TensorFolder& folder, const BlockScaledTensor& tensor);
RowsAndCols size_of(const TensorFolder& folder, const Mxfp4Tensor& tensor);

// Rows [first, first + out.rows). Throws as size_of does, and Error(bad_data) where a number is not finite.
void read_rows(const TensorFolder& folder, const BlockScaledTensor& tensor, Index first,
               MutableMatrixView out);
void read_rows(const TensorFolder& folder, const Mxfp4Tensor& tensor, Index first, MutableMatrixView out);

}  // namespace moesim
