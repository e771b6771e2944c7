#include "metrics/comparison.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/random.h"

namespace moesim {
namespace {

using Samples = std::vector<double>;

// Seconds as a shared machine gives them: a floor, and a long tail above it.
Samples noisy(std::size_t count, double truth, double spread, std::uint64_t seed, std::uint64_t which) {
  std::vector<float> normal(count);
  fill_normal({.seed = seed, .stream = Stream::noise_floor}, which, 1.0F, normal);
  Samples seconds(count);
  for (std::size_t i = 0; i < count; ++i) {
    seconds[i] = truth * std::exp(spread * normal[i]);
  }
  return seconds;
}

TEST(CompareRounds, IntervalsCoverTheTruthAndEqualThingsAreRarelyCalledDifferent) {
  constexpr int kCases = 1000;
  int covered = 0;
  int false_verdicts = 0;
  for (std::uint64_t c = 0; c < kCases; ++c) {
    const std::size_t rounds = 12 + 2 * (c % 40);
    const double truth = c % 2 == 0 ? 1.0 : 1.07;
    const SpeedVerdict verdict =
        compare_rounds(noisy(rounds, 1.0 * truth, 0.05, 1, 2 * c), noisy(rounds, 1.0, 0.08, 1, 2 * c + 1), 0);
    covered += verdict.ratio.low <= truth && truth <= verdict.ratio.high ? 1 : 0;
    false_verdicts += truth == 1.0 && verdict.speed != Speed::no_clear_difference ? 1 : 0;
  }
  EXPECT_GE(covered, 930);
  EXPECT_LE(covered, 970);
  EXPECT_LE(false_verdicts, 35);  // of 500
}

TEST(CompareRounds, DriftAndBeingFirstCancel) {
  Samples a;
  Samples b;
  for (int round = 0; round < 20; ++round) {
    const double drift = 1.0 + 0.02 * round;
    a.push_back(drift * (round % 2 == 0 ? 1.05 : 1.0));  // whoever is first pays 5 %
    b.push_back(drift * (round % 2 == 0 ? 1.0 : 1.05));
  }
  const SpeedVerdict verdict = compare_rounds(a, b, 0);
  EXPECT_NEAR(verdict.ratio.median, 1.0, 1e-9);
  EXPECT_EQ(verdict.speed, Speed::no_clear_difference);
}

TEST(CompareRounds, APlantedDifferenceIsFound) {
  int found = 0;
  for (std::uint64_t c = 0; c < 100; ++c) {
    found += compare_rounds(noisy(80, 1.0, 0.05, 2, 2 * c), noisy(80, 1.05, 0.05, 2, 2 * c + 1), kLiveMargin)
                 .speed == Speed::slower;
  }
  EXPECT_GE(found, 95);
}

TEST(PairedRatios, AreWhatTheVerdictIsMadeOf) {
  const Samples a = {2, 2, 4, 1, 3, 3, 9};  // the last has no other round
  const Samples b = {1, 1, 1, 1, 3, 12, 1};
  EXPECT_EQ(paired_ratios(a, b), (std::vector<double>{2, 2, 0.5}));
  EXPECT_EQ(compare_rounds(a, b, 0).ratio.median, 2);
  EXPECT_TRUE(paired_ratios({}, b).empty());
}

TEST(CompareRounds, TheMarginMustBeExceeded) {
  EXPECT_EQ(compare_rounds(Samples(12, 1.0), Samples(12, 1.009), 0.01).speed, Speed::no_clear_difference);
  EXPECT_EQ(compare_rounds(Samples(12, 1.0), Samples(12, 1.011), 0.01).speed, Speed::slower);
  EXPECT_EQ(compare_rounds(Samples(12, 1.011), Samples(12, 1.0), 0.01).speed, Speed::faster);
}

TEST(CompareRounds, FewRoundsAreNeverClear) {
  EXPECT_EQ(compare_rounds(Samples(10, 1.0), Samples(10, 2.0), 0).speed, Speed::no_clear_difference);
  EXPECT_EQ(compare_rounds(Samples(12, 1.0), Samples(12, 2.0), 0).speed, Speed::slower);
  EXPECT_EQ(compare_rounds(Samples(12, 2.0), Samples(12, 1.0), 0).speed, Speed::faster);
  EXPECT_EQ(compare_rounds(Samples{}, Samples{}, 0).speed, Speed::no_clear_difference);
}

TEST(CompareStored, TheMarginMustBeExceeded) {
  const Samples a = noisy(40, 1.0, 0.01, 3, 0);
  EXPECT_EQ(compare_stored(a, noisy(40, 0.98, 0.01, 3, 1), 0.03).speed, Speed::no_clear_difference);
  EXPECT_EQ(compare_stored(a, noisy(40, 0.90, 0.01, 3, 2), 0.03).speed, Speed::faster);
  EXPECT_EQ(compare_stored(a, noisy(40, 1.10, 0.01, 3, 3), 0.03).speed, Speed::slower);
  EXPECT_EQ(compare_stored(Samples{}, a, 0.03).speed, Speed::no_clear_difference);
  const SpeedVerdict swapped = compare_stored(noisy(40, 1.10, 0.01, 3, 3), a, 0.03);
  EXPECT_EQ(swapped.speed, Speed::faster);
  EXPECT_NEAR(swapped.ratio.median, 1.1, 0.02);
}

TEST(CompareStored, IntervalsCoverTheTruth) {
  int covered = 0;
  for (std::uint64_t c = 0; c < 1000; ++c) {
    const std::size_t samples = 8 + c % 40;
    const SpeedVerdict verdict = compare_stored(noisy(samples, 1.2, 0.04, 4, 2 * c),
                                                noisy(samples + 5, 1.0, 0.06, 4, 2 * c + 1), 0.03);
    covered += verdict.ratio.low <= 1.2 && 1.2 <= verdict.ratio.high ? 1 : 0;
  }
  EXPECT_GE(covered, 930);
  EXPECT_LE(covered, 975);
}

}  // namespace
}  // namespace moesim
