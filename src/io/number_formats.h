#pragma once
// Numbers narrower than float32, as checkpoints store them, to float32: exactly, every bit pattern.
//
// float16: IEEE 754 binary16. bfloat16: the upper half of a float32. E4M3 and E5M2: "FP8 Formats for Deep
// Learning" (arXiv:2209.05433), E4M3 without infinities (S.1111.111 is NaN; largest 448). MXFP4: OCP
// Microscaling Formats v1.0, elements E2M1 (0, .5, 1, 1.5, 2, 3, 4, 6 and their negatives), two to a byte,
// low nibble first, 32 of them times 2^(scale − 127).

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/matrix.h"

namespace moesim {

float float_of_f16(std::uint16_t bits);
float float_of_bf16(std::uint16_t bits);
float float_of_f8_e4m3(std::uint8_t bits);
float float_of_f8_e5m2(std::uint8_t bits);

// Many at once, little-endian as they lie in a file: out.size() numbers from as many elements' bytes.
void decode_f16(std::span<const std::byte> bytes, std::span<float> out);
void decode_bf16(std::span<const std::byte> bytes, std::span<float> out);
void decode_f8_e4m3(std::span<const std::byte> bytes, std::span<float> out);
void decode_f8_e5m2(std::span<const std::byte> bytes, std::span<float> out);
// To the nearest float32, ties to even; beyond its range infinity.
void decode_f64(std::span<const std::byte> bytes, std::span<float> out);

// out.size() = 2·packed.size() = 32·scales.size(). A scale of 255 (NaN) gives NaN; what is beyond float32
// (a scale of 254 times 2 or more) infinity.
void decode_mxfp4(std::span<const std::byte> packed, std::span<const std::byte> scales, std::span<float> out);

// Place of the first NaN or infinity; numbers.size() when there is none.
std::size_t find_not_finite(std::span<const float> numbers);

// Block-wise scales, as DeepSeek's fp8 checkpoints have them (`weight_scale_inv`, blocks of 128 x 128; the
// last ones may be ragged): weight(r, c) *= scale(r / block_rows, c / block_cols), each product rounded once.
struct ScaleBlocks {
  MatrixView scale;     // [⌈R/block_rows⌉, ⌈C/block_cols⌉] of the whole weight [R,C]
  Index first_row = 0;  // of the whole weight: where the rows given begin
  Index block_rows = 128;
  Index block_cols = 128;
};
void scale_blocks(const ScaleBlocks& blocks, MutableMatrixView rows);

}  // namespace moesim
