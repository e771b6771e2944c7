#include "io/number_formats.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/error.h"

namespace moesim {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are read as they lie in the file");

// 2^exponent of a float32 that is not subnormal, made of bits: no rounding mode can change it.
constexpr float power_of_two(int exponent) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(exponent + 127) << 23);
}

// A number of 1 sign bit, `exponent_bits` and `mantissa_bits` whose exponent is never all ones.
constexpr float small_float(unsigned bits, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const unsigned mantissa = bits & ((1U << mantissa_bits) - 1U);
  const int exponent = static_cast<int>((bits >> mantissa_bits) & ((1U << exponent_bits) - 1U));
  const unsigned whole = exponent == 0 ? mantissa : mantissa | (1U << mantissa_bits);
  const float size = static_cast<float>(whole) * power_of_two(std::max(exponent, 1) - bias - mantissa_bits);
  return (bits >> (exponent_bits + mantissa_bits)) != 0 ? -size : size;
}

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

constexpr auto kE4m3 = [] {
  std::array<float, 256> table{};
  for (unsigned bits = 0; bits < 256; ++bits) {
    table[bits] = (bits & 0x7fU) == 0x7fU ? kNan : small_float(bits, 4, 3);
  }
  return table;
}();

// Both numbers of a byte, low nibble first.
constexpr auto kE2m1Pairs = [] {
  std::array<std::array<float, 2>, 256> table{};
  for (unsigned bits = 0; bits < 256; ++bits) {
    table[bits] = {small_float(bits & 0xfU, 2, 1), small_float(bits >> 4, 2, 1)};
  }
  return table;
}();

// Without branches, so that compilers turn the loop into vectors: both a normal and a subnormal number are
// made, and one is taken.
inline float f16_to_float(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16;
  const std::uint32_t size = bits & 0x7fffU;
  const std::uint32_t normal = (size << 13) + (112U << 23);
  const std::uint32_t special = (size << 13) | 0x7f800000U;
  const auto subnormal =
      std::bit_cast<std::uint32_t>(static_cast<float>(static_cast<std::int32_t>(size)) * power_of_two(-24));
  const std::uint32_t finite = size < 0x400U ? subnormal : normal;
  return std::bit_cast<float>(sign | (size >= 0x7c00U ? special : finite));
}

inline float bf16_to_float(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

// `from` may lie at any address.
template <class Element, class Convert>
void decode_each(std::span<const std::byte> bytes, std::span<float> out, Convert convert) {
  MOESIM_CHECK(bytes.size() == out.size() * sizeof(Element), "bytes and numbers that do not belong together");
  const std::byte* from = bytes.data();
  float* to = out.data();
  for (std::size_t i = 0; i < out.size(); ++i) {
    Element element;
    std::memcpy(&element, from + i * sizeof element, sizeof element);
    to[i] = convert(element);
  }
}

}  // namespace

float float_of_f16(std::uint16_t bits) {
  return f16_to_float(bits);
}

float float_of_bf16(std::uint16_t bits) {
  return bf16_to_float(bits);
}

float float_of_f8_e4m3(std::uint8_t bits) {
  return kE4m3[bits];
}

// The upper half of a float16.
float float_of_f8_e5m2(std::uint8_t bits) {
  return f16_to_float(static_cast<std::uint16_t>(bits << 8));
}

void decode_f16(std::span<const std::byte> bytes, std::span<float> out) {
  decode_each<std::uint16_t>(bytes, out, f16_to_float);
}

void decode_bf16(std::span<const std::byte> bytes, std::span<float> out) {
  decode_each<std::uint16_t>(bytes, out, bf16_to_float);
}

void decode_f8_e4m3(std::span<const std::byte> bytes, std::span<float> out) {
  decode_each<std::uint8_t>(bytes, out, [](std::uint8_t bits) { return kE4m3[bits]; });
}

void decode_f8_e5m2(std::span<const std::byte> bytes, std::span<float> out) {
  decode_each<std::uint8_t>(
      bytes, out, [](std::uint8_t bits) { return f16_to_float(static_cast<std::uint16_t>(bits << 8)); });
}

void decode_f64(std::span<const std::byte> bytes, std::span<float> out) {
  decode_each<double>(bytes, out, [](double x) { return static_cast<float>(x); });
}

void decode_mxfp4(std::span<const std::byte> packed, std::span<const std::byte> scales,
                  std::span<float> out) {
  constexpr std::size_t kBlockBytes = 16;
  MOESIM_CHECK(packed.size() == scales.size() * kBlockBytes && out.size() == 2 * packed.size(),
               "blocks, scales and numbers that do not belong together");
  float* to = out.data();
  for (std::size_t block = 0; block < scales.size(); ++block) {
    const int exponent = std::to_integer<int>(scales[block]) - 127;
    const float scale = exponent == 128 ? kNan : std::ldexp(1.0F, exponent);
    for (const std::byte pair : packed.subspan(block * kBlockBytes, kBlockBytes)) {
      const std::array<float, 2>& values = kE2m1Pairs[std::to_integer<std::size_t>(pair)];
      to[0] = values[0] * scale;
      to[1] = values[1] * scale;
      to += 2;
    }
  }
}

std::size_t find_not_finite(std::span<const float> numbers) {
  constexpr std::size_t kPiece = 1024;
  const auto is_bad = [](float x) { return (std::bit_cast<std::uint32_t>(x) & 0x7f800000U) == 0x7f800000U; };
  for (std::size_t done = 0; done < numbers.size(); done += kPiece) {
    const std::span<const float> piece = numbers.subspan(done, std::min(kPiece, numbers.size() - done));
    unsigned bad = 0;
    for (const float x : piece) {
      bad |= is_bad(x) ? 1U : 0U;  // without a branch: a vector at a time
    }
    if (bad != 0) {
      return done +
             static_cast<std::size_t>(std::find_if(piece.begin(), piece.end(), is_bad) - piece.begin());
    }
  }
  return numbers.size();
}

void scale_blocks(const ScaleBlocks& blocks, MutableMatrixView rows) {
  const auto blocks_of = [](Index count, Index block) {
    return count / block + (count % block != 0 ? 1 : 0);
  };
  MOESIM_CHECK(blocks.block_rows > 0 && blocks.block_cols > 0 && blocks.first_row >= 0 &&
                   blocks_of(rows.cols, blocks.block_cols) == blocks.scale.cols &&
                   blocks_of(blocks.first_row + rows.rows, blocks.block_rows) <= blocks.scale.rows,
               "scales that do not cover the rows");
  for (Index r = 0; r < rows.rows; ++r) {
    const std::span<float> row = rows.row(r);
    const std::span<const float> scales = blocks.scale.row((blocks.first_row + r) / blocks.block_rows);
    for (Index b = 0; b < blocks.scale.cols; ++b) {
      const Index begin = b * blocks.block_cols;
      const Index end = std::min(begin + blocks.block_cols, rows.cols);
      const float scale = scales[static_cast<std::size_t>(b)];
      for (Index c = begin; c < end; ++c) {
        row[static_cast<std::size_t>(c)] *= scale;
      }
    }
  }
}

}  // namespace moesim
