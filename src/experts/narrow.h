#pragma once
// Numbers narrower than float32, rounded to nearest, ties to even.

#include <cstdint>
#include <span>

namespace moesim {

// bfloat16: the upper half of a float32. NaN stays NaN.
std::uint16_t to_bf16(float x);
float from_bf16(std::uint16_t x);

// IEEE 754 binary16. Beyond its range ±infinity; NaN stays NaN.
std::uint16_t to_fp16(float x);
float from_fp16(std::uint16_t x);

// The largest magnitude over 127: q = x/scale then lies in [−127, 127]. 1 where all are below 2^-100, and so
// count as zero; NaN, with every q 0, where one is NaN or an infinity.
float int8_scale(std::span<const float> values);
std::int8_t to_int8(float x, float scale);

}  // namespace moesim
