#include "experts/narrow.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace moesim {

std::uint16_t to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if (std::isnan(x)) {
    return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  }
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

float from_bf16(std::uint16_t x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16);
}

std::uint16_t to_fp16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  if (std::isnan(x)) {
    return static_cast<std::uint16_t>(sign | 0x7e00u);
  }
  const double magnitude = std::abs(static_cast<double>(x));
  if (magnitude >= 65520.0) {  // half a step beyond the largest, 65504
    return static_cast<std::uint16_t>(sign | 0x7c00u);
  }
  // The step between neighbours is 2^(exponent − 10), below the normal numbers 2^−24.
  const int exponent = std::max(-14, magnitude > 0 ? std::ilogb(magnitude) : -14);
  const auto steps = static_cast<std::uint32_t>(std::nearbyint(std::ldexp(magnitude, 10 - exponent)));
  // Normal numbers count 1024 … 2047 steps; 2048 carries into the exponent by itself.
  const std::uint32_t half = (static_cast<std::uint32_t>(exponent + 14) << 10) + steps;
  return static_cast<std::uint16_t>(sign | half);
}

float from_fp16(std::uint16_t x) {
  const int exponent = (x >> 10) & 0x1f;
  const int fraction = x & 0x3ff;
  float magnitude = 0;
  if (exponent == 31) {
    magnitude = fraction == 0 ? INFINITY : NAN;
  } else {
    magnitude = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                              : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
  }
  return (x & 0x8000) != 0 ? -magnitude : magnitude;
}

float int8_scale(std::span<const float> values) {
  float largest = 0;
  for (const float v : values) {
    if (!std::isfinite(v)) {
      return std::numeric_limits<float>::quiet_NaN();
    }
    largest = std::max(largest, std::abs(v));
  }
  return largest >= 0x1p-100F ? largest / 127.0F : 1.0F;
}

std::int8_t to_int8(float x, float scale) {
  const float q = std::nearbyint(x / scale);
  return std::isnan(q) ? std::int8_t{0} : static_cast<std::int8_t>(std::clamp(q, -127.0F, 127.0F));
}

}  // namespace moesim
