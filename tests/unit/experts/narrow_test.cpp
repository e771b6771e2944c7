#include "experts/narrow.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace moesim {
namespace {

TEST(Narrow, EveryBf16AndFp16ComesBackAsItself) {
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const auto x = static_cast<std::uint16_t>(bits);
    if (std::isnan(from_bf16(x))) {
      EXPECT_TRUE(std::isnan(from_bf16(to_bf16(from_bf16(x)))));
    } else {
      ASSERT_EQ(to_bf16(from_bf16(x)), x) << bits;
    }
    if (std::isnan(from_fp16(x))) {
      EXPECT_TRUE(std::isnan(from_fp16(to_fp16(from_fp16(x)))));
    } else {
      ASSERT_EQ(to_fp16(from_fp16(x)), x) << bits;
    }
  }
}

// Between two neighbours the nearer one, half-way the even one.
TEST(Narrow, RoundsToNearestTiesToEven) {
  const auto check = [](std::uint16_t (*narrow)(float), float (*widen)(std::uint16_t), std::uint16_t last) {
    for (std::uint16_t low = 0; low < last; ++low) {
      const auto high = static_cast<std::uint16_t>(low + 1);
      const double a = widen(low);
      const double b = widen(high);
      const auto middle = static_cast<float>((a + b) / 2);  // exact: one bit more than either
      const std::uint16_t even = low % 2 == 0 ? low : high;
      ASSERT_EQ(narrow(middle), even) << low;
      ASSERT_EQ(narrow(std::nextafter(middle, 0.0F)), low);
      ASSERT_EQ(narrow(std::nextafter(middle, INFINITY)), high);
      ASSERT_EQ(narrow(-middle), even | 0x8000u);
    }
  };
  check(to_bf16, from_bf16, 0x7f7e);
  check(to_fp16, from_fp16, 0x7bff);
  EXPECT_EQ(to_fp16(65519.0F), 0x7bff);  // the largest
  EXPECT_EQ(to_fp16(65520.0F), 0x7c00);  // infinity
  EXPECT_EQ(to_fp16(-INFINITY), 0xfc00);
  EXPECT_EQ(to_bf16(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_TRUE(std::isnan(from_bf16(to_bf16(std::bit_cast<float>(0x7f800001u)))));
}

TEST(Narrow, Int8UsesTheWholeRange) {
  const std::array<float, 4> row = {0.5F, -2.0F, 1.0F, 0.0F};
  const float scale = int8_scale(row);
  EXPECT_EQ(scale, 2.0F / 127);
  EXPECT_EQ(to_int8(-2.0F, scale), -127);
  EXPECT_EQ(to_int8(1.0F, scale), 64);  // 63.5: ties to even
  EXPECT_EQ(to_int8(0.0F, scale), 0);
  const std::array<float, 2> zeros = {0.0F, -0.0F};
  EXPECT_EQ(int8_scale(zeros), 1.0F);
}

// A scale must neither vanish, as a 127th of the smallest floats would, nor turn what is no number into one.
TEST(Narrow, Int8KeepsTinyRowsFiniteAndNaNNaN) {
  const std::array<float, 3> tiny = {1e-45F, -1e-40F, 0.0F};
  const float scale = int8_scale(tiny);
  ASSERT_GT(scale, 0.0F);
  for (const float v : tiny) {
    EXPECT_EQ(to_int8(v, scale), 0);
  }
  const std::array<float, 2> small = {0x1p-100F, -0x1p-101F};
  EXPECT_EQ(to_int8(small[0], int8_scale(small)), 127);
  EXPECT_EQ(to_int8(small[1], int8_scale(small)), -64);
  for (const float odd : {std::numeric_limits<float>::quiet_NaN(), INFINITY, -INFINITY}) {
    const std::array<float, 3> row = {1.0F, odd, 2.0F};
    EXPECT_TRUE(std::isnan(int8_scale(row))) << odd;
    for (const float v : row) {
      EXPECT_EQ(to_int8(v, int8_scale(row)), 0);
    }
  }
}

}  // namespace
}  // namespace moesim
