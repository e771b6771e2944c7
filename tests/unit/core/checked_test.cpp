#include "core/checked.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "core/error.h"

namespace moesim {
namespace {

constexpr std::uint64_t k32 = 1ull << 32;
constexpr std::uint64_t k63 = 1ull << 63;
constexpr std::uint64_t kMax = ~0ull;

template <class Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::out_of_memory);
    return error.what();
  }
  return "accepted";
}

constexpr const char* kTooLarge =
    "error: the batch does not fit 64 bits; expected a size this machine can hold [too-large]";

TEST(CheckedMul, IsExactUpToTheLimitAndRefusesBeyond) {
  EXPECT_EQ(checked_mul(k32, k32 - 1, "x"), k32 * (k32 - 1));
  EXPECT_EQ(checked_mul(k63, 1, "x"), k63);
  EXPECT_EQ(checked_mul(k63 - 1, 2, "x"), kMax - 1);
  EXPECT_EQ(checked_mul(kMax, 1, "x"), kMax);
  EXPECT_EQ(checked_mul(kMax, 0, "x"), 0u);
  EXPECT_EQ(refusal([] { checked_mul(k32, k32, "the batch"); }), kTooLarge);
  EXPECT_EQ(refusal([] { checked_mul(k63, 2, "the batch"); }), kTooLarge);
  EXPECT_EQ(refusal([] { checked_mul(kMax, kMax, "the batch"); }), kTooLarge);
}

TEST(CheckedAdd, IsExactUpToTheLimitAndRefusesBeyond) {
  EXPECT_EQ(checked_add(k63, k63 - 1, "x"), kMax);
  EXPECT_EQ(checked_add(kMax, 0, "x"), kMax);
  EXPECT_EQ(refusal([] { checked_add(k63, k63, "the batch"); }), kTooLarge);
  EXPECT_EQ(refusal([] { checked_add(kMax, 1, "the batch"); }), kTooLarge);
}

TEST(CheckedProduct, RefusesAProductThatWrapsToASmallNumber) {
  EXPECT_EQ(checked_product({}, "x"), 1u);
  EXPECT_EQ(checked_product({3, 5, 7}, "x"), 105u);
  // 2^33 · 2^33 · 2 wraps to 0, and (2^32 + 1)² to 2^33 + 1.
  EXPECT_EQ(refusal([] { checked_product({2 * k32, 2 * k32, 2}, "the batch"); }), kTooLarge);
  EXPECT_EQ(refusal([] { checked_product({k32 + 1, k32 + 1}, "the batch"); }), kTooLarge);
}

RC_GTEST_PROP(CheckedMul, AgreesWithDivision, (std::uint64_t a, std::uint64_t b)) {
  const bool fits = a == 0 || b <= kMax / a;
  RC_ASSERT((refusal([&] { checked_mul(a, b, "x"); }) == "accepted") == fits);
  RC_ASSERT(checked_mul(a >> 32, b >> 32, "x") == (a >> 32) * (b >> 32));
}

}  // namespace
}  // namespace moesim
