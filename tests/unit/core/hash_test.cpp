// Known answers: XXH3_64bits with seed 0 (the xxHash project's own command line, xxhsum -H3).
#include "core/hash.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

namespace moesim {
namespace {

TEST(Hash, AgreesWithXxh3) {
  EXPECT_EQ(to_hex(hash64("")), "2d06800538d394c2");
  EXPECT_EQ(to_hex(hash64("abc")), "78af5f94892f3950");
}

TEST(Hash, HexHasSixteenDigits) {
  EXPECT_EQ(to_hex(0), "0000000000000000");
  EXPECT_EQ(to_hex(0xABCDEF), "0000000000abcdef");
  EXPECT_EQ(to_hex(~0ull), "ffffffffffffffff");
}

TEST(Hasher, OfNothingIsTheHashOfNothing) {
  EXPECT_EQ(Hasher().digest(), hash64(""));
}

RC_GTEST_PROP(Hasher, OnlyTheBytesCountNotThePieces, (std::string text, std::uint8_t step)) {
  Hasher hasher;
  for (std::size_t at = 0; at < text.size(); at += step + 1u) {
    const std::string piece = text.substr(at, step + 1u);
    hasher.add_bytes(piece.data(), piece.size());
    static_cast<void>(hasher.digest());  // asking does not change it
  }
  RC_ASSERT(hasher.digest() == hash64(text));
}

TEST(Hasher, DependsOnOrderAndValues) {
  const auto of = [](std::vector<int> values) {
    Hasher hasher;
    hasher.add_all(std::span<const int>(values));
    return hasher.digest();
  };
  EXPECT_EQ(of({1, 2}), of({1, 2}));
  EXPECT_NE(of({1, 2}), of({2, 1}));
  EXPECT_NE(of({1, 2}), of({1}));
  Hasher one_by_one;
  one_by_one.add(1);
  one_by_one.add(2);
  EXPECT_EQ(one_by_one.digest(), of({1, 2}));
}

TEST(Hasher, KeepsItsStateWhenMoved) {
  Hasher first;
  first.add_bytes("ab", 2);
  Hasher second = std::move(first);
  second.add_bytes("c", 1);
  EXPECT_EQ(second.digest(), hash64("abc"));
}

}  // namespace
}  // namespace moesim
