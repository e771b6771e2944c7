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

namespace moesim {

float float_of_f16(std::uint16_t bits);
float float_of_bf16(std::uint16_t bits);
float float_of_f8_e4m3(std::uint8_t bits);
float float_of_f8_e5m2(std::uint8_t bits);

// out.size() = 2·packed.size() = 32·scales.size(). A scale of 255 (NaN) gives NaN.
void decode_mxfp4(std::span<const std::byte> packed, std::span<const std::byte> scales, std::span<float> out);

}  // namespace moesim
