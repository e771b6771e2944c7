#include "metrics/interval.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

#include "core/random.h"

namespace moesim {
namespace {

using Samples = std::vector<double>;

Samples one_to(std::size_t n) {
  Samples samples(n);
  std::iota(samples.rbegin(), samples.rend(), 1.0);  // unsorted on purpose: n … 1
  return samples;
}

TEST(MedianInterval, NoSamplesAreAllZero) {
  const Interval interval = median_interval(Samples{});
  EXPECT_EQ(interval.median, 0.0);
  EXPECT_EQ(interval.low, 0.0);
  EXPECT_EQ(interval.high, 0.0);
  EXPECT_EQ(interval.relative_half_width(), 0.0);
  EXPECT_EQ(median(Samples{}), 0.0);
  EXPECT_EQ(count_outliers(Samples{}), 0);
}

TEST(MedianInterval, ConfidenceOfFewSamplesIsThatTheyStandOnBothSides) {
  EXPECT_EQ(interval_confidence(0), 0.0);
  EXPECT_EQ(interval_confidence(1), 0.0);
  EXPECT_EQ(interval_confidence(2), 0.5);
  EXPECT_EQ(interval_confidence(5), 0.9375);
  EXPECT_EQ(interval_confidence(6), 0.95);
}

TEST(MedianInterval, OneSampleIsItsOwnInterval) {
  const Interval interval = median_interval(Samples{2.5});
  EXPECT_EQ(interval.median, 2.5);
  EXPECT_EQ(interval.low, 2.5);
  EXPECT_EQ(interval.high, 2.5);
  EXPECT_EQ(interval.relative_half_width(), 0.0);
  EXPECT_EQ(count_outliers(Samples{2.5}), 0);
}

TEST(MedianInterval, FewerThanSixSamplesGiveTheWholeRange) {
  for (std::size_t n = 2; n < 6; ++n) {
    const Interval interval = median_interval(one_to(n));
    EXPECT_EQ(interval.median, (static_cast<double>(n) + 1) / 2);
    EXPECT_EQ(interval.low, 1.0);
    EXPECT_EQ(interval.high, static_cast<double>(n));
  }
}

TEST(MedianInterval, SixSamplesByHand) {
  // γ_1 = 31/32, γ_2 = 25/32: share 0.1, λ = 5·0.1 / (1 + 4·0.1).
  const Interval interval = median_interval(one_to(6));
  EXPECT_EQ(interval.median, 3.5);
  EXPECT_NEAR(interval.low, 1.0 + 0.5 / 1.4, 1e-12);
  EXPECT_NEAR(interval.high, 6.0 - 0.5 / 1.4, 1e-12);
  EXPECT_NEAR(interval.relative_half_width(), (5.0 - 1.0 / 1.4) / 2 / 3.5, 1e-12);
}

TEST(MedianInterval, EightSamplesByHand) {
  // γ_1 = 254/256, γ_2 = 238/256: share 0.675, λ = 7·0.675 / (1 + 6·0.675).
  const Interval interval = median_interval(one_to(8));
  EXPECT_NEAR(interval.low, 1.0 + 4.725 / 5.05, 1e-12);
  EXPECT_NEAR(interval.high, 8.0 - 4.725 / 5.05, 1e-12);
}

TEST(MedianInterval, TenSamplesByHand) {
  // γ_2 = 1002/1024, γ_3 = 912/1024: share 29.2/90, λ = 8·share / (2 + 6·share).
  const double share = 29.2 / 90.0;
  const double lambda = 8.0 * share / (2.0 + 6.0 * share);
  const Interval interval = median_interval(one_to(10));
  EXPECT_EQ(interval.median, 5.5);
  EXPECT_NEAR(interval.low, 2.0 + lambda, 1e-12);
  EXPECT_NEAR(interval.high, 9.0 - lambda, 1e-12);
}

TEST(MedianInterval, ManySamplesFollowTheNormalApproximation) {
  const std::size_t n = 100'000;  // 2^−n is far below the smallest double
  const Interval interval = median_interval(one_to(n));
  EXPECT_EQ(interval.median, 50'000.5);
  EXPECT_NEAR(interval.low, 50'000.5 - 1.959964 * std::sqrt(100'000.0) / 2, 1.0);
  EXPECT_NEAR(interval.low + interval.high, 100'001.0, 1e-6);
}

TEST(MedianInterval, EqualSamplesHaveNoWidth) {
  const Interval interval = median_interval(Samples(12, 0.125));
  EXPECT_EQ(interval.median, 0.125);
  EXPECT_EQ(interval.low, 0.125);
  EXPECT_EQ(interval.high, 0.125);
}

enum class Shape { normal, exponential, uniform };

double draw(Shape shape, RandomSequence& random) {
  const double u = 1.0 - random.next_uniform();  // in (0, 1]
  switch (shape) {
    case Shape::normal:
      return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * random.next_uniform());
    case Shape::exponential:
      return -std::log(u);
    case Shape::uniform:
      return u;
  }
  return 0.0;
}

double true_median(Shape shape) {
  switch (shape) {
    case Shape::normal:
      return 0.0;
    case Shape::exponential:
      return std::numbers::ln2;
    case Shape::uniform:
      return 0.5;
  }
  return 0.0;
}

TEST(MedianInterval, HoldsTheMedianNinetyFiveTimesInAHundred) {
  constexpr int kCases = 2000;
  std::uint64_t seed = 0;
  for (const Shape shape : {Shape::normal, Shape::exponential, Shape::uniform}) {
    for (const std::size_t n : {5U, 8U, 12U, 20U, 50U}) {
      ++seed;
      int covered = 0;
      for (std::uint64_t i = 0; i < kCases; ++i) {
        RandomSequence random({.seed = seed, .stream = Stream::test}, i);
        Samples samples(n);
        for (double& sample : samples) {
          sample = draw(shape, random);
        }
        const Interval interval = median_interval(samples);
        covered += interval.low <= true_median(shape) && true_median(shape) <= interval.high ? 1 : 0;
      }
      // 2,000 cases know a share of 95 % to ±0.5 %.
      const double share = static_cast<double>(covered) / kCases;
      const double expected = n == 5 ? 0.9375 : 0.95;
      EXPECT_NEAR(share, expected, 0.02) << "shape " << static_cast<int>(shape) << ", n " << n;
    }
  }
}

TEST(Median, IsTheMiddleOrTheMeanOfTheTwoMiddles) {
  EXPECT_EQ(median(Samples{3, 1, 2}), 2.0);
  EXPECT_EQ(median(Samples{4, 1, 3, 2}), 2.5);
  EXPECT_EQ(median(Samples{7}), 7.0);
}

TEST(CountOutliers, CountsWhatIsTenDeviationsAway) {
  // Median 5, deviations 4 … 4: median absolute deviation 2; the limit is 29.6.
  Samples samples = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_EQ(count_outliers(samples), 0);
  samples = {1, 2, 3, 4, 5, 6, 7, 8, 5 + 29.5};
  EXPECT_EQ(count_outliers(samples), 0);
  samples.back() = 5 + 29.7;
  EXPECT_EQ(count_outliers(samples), 1);
  samples.front() = -1e9;
  EXPECT_EQ(count_outliers(samples), 2);
}

TEST(CountOutliers, AnythingDiffersWhenMostSamplesAreEqual) {
  EXPECT_EQ(count_outliers(Samples{1, 1, 1, 1, 1.001}), 1);
  EXPECT_EQ(count_outliers(Samples{1, 1, 1}), 0);
}

}  // namespace
}  // namespace moesim
