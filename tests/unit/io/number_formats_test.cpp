// Every bit pattern against the formats' definitions, written here as powers of two and fractions.
#include "io/number_formats.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "core/matrix.h"

namespace moesim {
namespace {

// (−1)^s · 2^(e−bias) · 1.m, or 2^(1−bias) · 0.m where e is 0; of all ones in e an infinity or NaN when the
// format has them.
struct Format {
  int exponent_bits = 0;
  int mantissa_bits = 0;
  bool has_infinity = true;
};

double expected_of(const Format& format, unsigned bits) {
  const int exponents = 1 << format.exponent_bits;
  const int mantissas = 1 << format.mantissa_bits;
  const int mantissa = static_cast<int>(bits) % mantissas;
  const int exponent = static_cast<int>(bits) / mantissas % exponents;
  const double sign = static_cast<int>(bits) / mantissas / exponents != 0 ? -1.0 : 1.0;
  const double bias = exponents / 2 - 1;
  const double fraction = static_cast<double>(mantissa) / mantissas;
  if (exponent == exponents - 1 && format.has_infinity) {
    return mantissa == 0 ? sign * std::numeric_limits<double>::infinity()
                         : std::numeric_limits<double>::quiet_NaN();
  }
  if (exponent == exponents - 1 && mantissa == mantissas - 1) {
    return std::numeric_limits<double>::quiet_NaN();  // E4M3
  }
  return exponent == 0 ? sign * std::pow(2.0, 1 - bias) * fraction
                       : sign * std::pow(2.0, exponent - bias) * (1 + fraction);
}

void expect_same(double expected, float found, unsigned bits) {
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(found)) << bits;
    return;
  }
  EXPECT_EQ(expected, static_cast<double>(found)) << bits;
  EXPECT_EQ(std::signbit(expected), std::signbit(found)) << bits;
}

// All patterns one by one and, from an odd address, all at once.
template <class Element, class One, class Many>
void expect_all(const Format& format, One one, Many many) {
  const std::size_t count = std::size_t{1} << (8 * sizeof(Element));
  std::vector<std::byte> bytes(1 + count * sizeof(Element));
  for (std::size_t bits = 0; bits < count; ++bits) {
    const auto element = static_cast<Element>(bits);
    std::memcpy(bytes.data() + 1 + bits * sizeof element, &element, sizeof element);
  }
  std::vector<float> all(count);
  many(std::span<const std::byte>(bytes).subspan(1), std::span<float>(all));
  for (unsigned bits = 0; bits < count; ++bits) {
    const double expected = expected_of(format, bits);
    expect_same(expected, one(static_cast<Element>(bits)), bits);
    expect_same(expected, all[bits], bits);
  }
}

TEST(NumberFormats, ReadEveryFloat16) {
  expect_all<std::uint16_t>({.exponent_bits = 5, .mantissa_bits = 10}, float_of_f16, decode_f16);
}

TEST(NumberFormats, ReadEveryBfloat16) {
  expect_all<std::uint16_t>({.exponent_bits = 8, .mantissa_bits = 7}, float_of_bf16, decode_bf16);
}

TEST(NumberFormats, ReadEveryE4m3) {
  const Format e4m3{.exponent_bits = 4, .mantissa_bits = 3, .has_infinity = false};
  expect_all<std::uint8_t>(e4m3, float_of_f8_e4m3, decode_f8_e4m3);
  EXPECT_EQ(float_of_f8_e4m3(0x7e), 448.0F);
  EXPECT_TRUE(std::isnan(float_of_f8_e4m3(0x7f)));
  EXPECT_TRUE(std::isnan(float_of_f8_e4m3(0xff)));
  EXPECT_EQ(float_of_f8_e4m3(0x01), std::ldexp(1.0F, -9));
}

TEST(NumberFormats, ReadEveryE5m2) {
  expect_all<std::uint8_t>({.exponent_bits = 5, .mantissa_bits = 2}, float_of_f8_e5m2, decode_f8_e5m2);
  EXPECT_EQ(float_of_f8_e5m2(0x7b), 57344.0F);
  EXPECT_EQ(float_of_f8_e5m2(0x7c), std::numeric_limits<float>::infinity());
  EXPECT_EQ(float_of_f8_e5m2(0x01), std::ldexp(1.0F, -16));
}

TEST(NumberFormats, RoundFloat64ToTheNearestFloat32) {
  const std::vector<double> values = {1.0, 1.0 + 0x1p-24, 1.0 + 0x1.8p-23, -0.1, 1e39, 0x1p-149, -0.0};
  const std::vector<float> expected = {
      1.0F, 1.0F, 1.0F + 0x1p-22F, -0.1F, std::numeric_limits<float>::infinity(), 0x1p-149F, -0.0F};
  std::vector<float> found(values.size());
  decode_f64(std::as_bytes(std::span(values)), found);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(found[i]), std::bit_cast<std::uint32_t>(expected[i])) << i;
  }
}

// Every byte of a block with every scale.
TEST(NumberFormats, ReadEveryMxfp4Pair) {
  constexpr double kValues[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6};
  for (unsigned scale = 0; scale < 256; ++scale) {
    std::vector<std::byte> packed(256);
    for (std::size_t i = 0; i < packed.size(); ++i) {
      packed[i] = static_cast<std::byte>(i);
    }
    const std::vector<std::byte> scales(16, static_cast<std::byte>(scale));
    std::vector<float> found(512);
    decode_mxfp4(packed, scales, found);
    for (unsigned i = 0; i < 512; ++i) {
      const double value = kValues[i % 2 == 0 ? i / 2 % 16 : i / 2 / 16];
      const double expected = scale == 255 ? std::numeric_limits<double>::quiet_NaN()
                                           : value * std::pow(2.0, static_cast<double>(scale) - 127);
      expect_same(std::isnan(expected) ? expected : static_cast<double>(static_cast<float>(expected)),
                  found[i], i);
    }
  }
}

TEST(NumberFormats, ReadEveryMxfp4BlockWithItsOwnScale) {
  std::vector<std::byte> packed(32, std::byte{0x72});  // 1 and 6
  packed[16] = std::byte{0x9f};                        // −6 and −0.5
  const std::vector<std::byte> scales = {std::byte{127}, std::byte{130}};
  std::vector<float> found(64);
  decode_mxfp4(packed, scales, found);
  EXPECT_EQ(found[0], 1.0F);
  EXPECT_EQ(found[1], 6.0F);
  EXPECT_EQ(found[32], -48.0F);
  EXPECT_EQ(found[33], -4.0F);
  EXPECT_EQ(found[63], 48.0F);
}

TEST(NumberFormats, FindTheFirstNumberThatIsNotFinite) {
  std::vector<float> numbers(5000, std::numeric_limits<float>::max());
  EXPECT_EQ(find_not_finite(numbers), 5000u);
  EXPECT_EQ(find_not_finite({}), 0u);
  for (const std::size_t place : {std::size_t{4999}, std::size_t{1024}, std::size_t{1023}, std::size_t{0}}) {
    numbers[place] =
        place % 2 == 0 ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(find_not_finite(numbers), place);
  }
}

// Any cut of a ragged weight is what its place in the whole says.
TEST(NumberFormats, ScaleBlocksWhereverTheRowsBegin) {
  constexpr Index kRows = 11;
  constexpr Index kCols = 10;
  Matrix scale(3, 3);  // blocks of 4 x 4: the last row of blocks has 3 rows, the last column 2 columns
  for (Index i = 0; i < 9; ++i) {
    scale.data()[i] = static_cast<float>(i + 1) * 0.3F;
  }
  for (Index first = 0; first < kRows; ++first) {
    for (Index count = 0; first + count <= kRows; ++count) {
      Matrix rows(count, kCols);
      rows.fill(1.7F);
      scale_blocks({.scale = scale.view(), .first_row = first, .block_rows = 4, .block_cols = 4},
                   rows.view());
      for (Index r = 0; r < count; ++r) {
        for (Index c = 0; c < kCols; ++c) {
          EXPECT_EQ(rows.row(r)[static_cast<std::size_t>(c)],
                    1.7F * scale.row((first + r) / 4)[static_cast<std::size_t>(c / 4)]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace moesim
