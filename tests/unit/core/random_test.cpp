// The known answers are those of Random123's kat_vectors for philox4x32 with 10 rounds.
#include "core/random.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

namespace moesim {
namespace {

using Bits = std::array<std::uint32_t, 4>;

TEST(RandomBits, AgreeWithTheKnownAnswersOfPhilox) {
  EXPECT_EQ(random_bits({.seed = 0, .stream = Stream{0}, .layer = 0}, 0, 0),
            (Bits{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(random_bits({.seed = ~0ull, .stream = Stream{255}, .layer = 0xffffff}, ~0ull, ~0u),
            (Bits{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(random_bits({.seed = 0x299f31d0a4093822, .stream = Stream{0x03}, .layer = 0x707344},
                        0x85a308d3243f6a88, 0x13198a2e),
            (Bits{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

RC_GTEST_PROP(RandomBits, ChangeWithEveryPartOfTheirName, (std::uint64_t seed, std::uint64_t index)) {
  const RandomKey key{.seed = seed, .stream = Stream::test, .layer = 3};
  const std::set<Bits> all = {
      random_bits(key, index),
      random_bits(key, index ^ 1),
      random_bits(key, index ^ (1ull << 40)),
      random_bits(key, index, 1),
      random_bits({.seed = seed ^ 1, .stream = Stream::test, .layer = 3}, index),
      random_bits({.seed = seed ^ (1ull << 40), .stream = Stream::test, .layer = 3}, index),
      random_bits({.seed = seed, .stream = Stream::yardstick, .layer = 3}, index),
      random_bits({.seed = seed, .stream = Stream::test, .layer = 4}, index)};
  RC_ASSERT(all.size() == 8u);
}

TEST(RandomSequence, HandsOutTheBlocksOfItsItemInOrder) {
  const RandomKey key{.seed = 5, .stream = Stream::topic, .layer = 2};
  RandomSequence sequence(key, 77);
  for (std::uint32_t block = 0; block < 3; ++block) {
    for (const std::uint32_t bits : random_bits(key, 77, block)) {
      EXPECT_EQ(sequence.next(), bits);
    }
  }
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += (a[i] - 0.5) * (b[i] - 0.5);
  }
  return sum / static_cast<double>(a.size()) * 12.0;
}

std::vector<double> uniform_numbers(Stream stream, std::size_t count) {
  RandomSequence sequence({.seed = 42, .stream = stream}, 0);
  std::vector<double> numbers(count);
  std::generate(numbers.begin(), numbers.end(), [&] { return sequence.next_uniform(); });
  return numbers;
}

TEST(RandomSequence, StreamsAreUncorrelated) {
  // 100,000 pairs: one standard deviation is 0.0032.
  const std::vector<double> first = uniform_numbers(Stream::embedding, 100000);
  for (const Stream other : {Stream::gate_weight, Stream::expert_weight, Stream::task_delay}) {
    EXPECT_LT(std::abs(correlation(first, uniform_numbers(other, 100000))), 0.02);
  }
  EXPECT_GT(correlation(first, first), 0.98);
}

TEST(RandomSequence, UniformNumbersFillTheUnitInterval) {
  const std::vector<double> numbers = uniform_numbers(Stream::test, 200000);
  double sum = 0;
  std::vector<int> tenths(10);
  for (const double x : numbers) {
    ASSERT_GE(x, 0.0);
    ASSERT_LT(x, 1.0);
    sum += x;
    ++tenths[static_cast<std::size_t>(x * 10)];
  }
  EXPECT_NEAR(sum / 200000, 0.5, 0.005);
  for (const int count : tenths) {
    EXPECT_NEAR(count, 20000, 800);  // six standard deviations
  }
}

TEST(FillNormal, HasTheMomentsOfANormalDistribution) {
  std::vector<float> numbers(200000);
  fill_normal({.seed = 1, .stream = Stream::gate_weight}, 9, 3.0f, numbers);
  double mean = 0;
  for (const float x : numbers) {
    mean += x / 200000.0;
  }
  double second = 0;
  double fourth = 0;
  int within_one = 0;
  for (const float x : numbers) {
    const double z = (x - mean) / 3.0;
    second += z * z / 200000.0;
    fourth += z * z * z * z / 200000.0;
    within_one += std::abs(z) < 1.0 ? 1 : 0;
  }
  EXPECT_NEAR(mean, 0.0, 0.05);
  EXPECT_NEAR(second, 1.0, 0.02);
  EXPECT_NEAR(fourth, 3.0, 0.15);
  EXPECT_NEAR(within_one / 200000.0, 0.6827, 0.01);
}

TEST(FillNormal, NeighboursAreIndependent) {
  // The cosine and the sine of one Box-Muller pair, and neighbours across pairs.
  std::vector<float> numbers(100000);
  fill_normal({.seed = 2}, 0, 1.0f, numbers);
  for (const std::size_t distance : {1u, 2u, 3u, 4u}) {
    double sum = 0;
    double sum_of_squares = 0;
    for (std::size_t i = distance; i < numbers.size(); ++i) {
      const double a = numbers[i];
      const double b = numbers[i - distance];
      sum += a * b;
      sum_of_squares += (a * a - 1) * (b * b - 1);
    }
    EXPECT_NEAR(sum / 100000, 0.0, 0.02);
    EXPECT_NEAR(sum_of_squares / 100000, 0.0, 0.05);
  }
}

RC_GTEST_PROP(FillNormal, AShorterRequestIsThePrefixOfALongerOne, (std::uint64_t seed, std::uint64_t index)) {
  std::vector<float> longer(23);
  fill_normal({.seed = seed}, index, 0.5f, longer);
  for (std::size_t count = 0; count < longer.size(); ++count) {
    std::vector<float> shorter(count);
    fill_normal({.seed = seed}, index, 0.5f, shorter);
    RC_ASSERT(std::equal(shorter.begin(), shorter.end(), longer.begin()));
  }
}

RC_GTEST_PROP(FillNormal, IsFinite, (std::uint64_t seed, std::uint64_t index)) {
  std::vector<float> numbers(64);
  fill_normal({.seed = seed}, index, 1.0f, numbers);
  RC_ASSERT(std::all_of(numbers.begin(), numbers.end(), [](float x) { return std::abs(x) < 6.8f; }));
}

TEST(NextBelow, IsUnbiased) {
  // A bound of 3/4 of 2^32 with plain "modulo" would give the first quarter twice as often.
  RandomSequence sequence({.seed = 3}, 0);
  constexpr std::uint32_t kBound = 3u << 30;
  std::array<int, 3> thirds{};
  for (int i = 0; i < 90000; ++i) {
    ++thirds[sequence.next_below(kBound) >> 30];
  }
  for (const int count : thirds) {
    EXPECT_NEAR(count, 30000, 850);  // six standard deviations
  }
  std::array<int, 7> sevenths{};
  for (int i = 0; i < 70000; ++i) {
    ++sevenths[sequence.next_below(7)];
  }
  for (const int count : sevenths) {
    EXPECT_NEAR(count, 10000, 560);
  }
}

RC_GTEST_PROP(NextBelow, StaysBelow, (std::uint64_t seed, std::uint32_t drawn)) {
  const std::uint32_t bound = std::max(1u, drawn);
  RandomSequence sequence({.seed = seed}, 0);
  for (int i = 0; i < 20; ++i) {
    RC_ASSERT(sequence.next_below(bound) < bound);
  }
}

TEST(NextBelow, KnowsTheEnds) {
  RandomSequence sequence({.seed = 4}, 0);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(sequence.next_below(1), 0u);
    EXPECT_LT(sequence.next_below(0xffffffffu), 0xffffffffu);
  }
}

}  // namespace
}  // namespace moesim
