#include "metrics/noise_floor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "metrics/noise_floor_draws.h"

namespace moesim {
namespace {

// noise_floor of a single layer.
NoiseFloor floor_of_layer(const Counts& count_of_k, std::int64_t experts, std::uint64_t seed) {
  return noise_floor({&count_of_k, 1}, experts, seed);
}
NoiseFloor floor_within(std::uint64_t limit, const Counts& count_of_k, std::int64_t experts,
                        std::uint64_t seed) {
  return noise_floor_within(limit, {&count_of_k, 1}, experts, seed);
}

Counts tokens_with(std::size_t k, std::uint64_t tokens) {
  Counts count_of_k(k + 1);
  count_of_k[k] = tokens;
  return count_of_k;
}

TEST(NoiseFloor, AgreesWithTheReferenceTable) {
  struct Row {
    std::int64_t experts;
    std::size_t k;
    std::uint64_t tokens;
    double max_violation, deviation, cv;
  };
  // The table's own means come from few draws: allow half a standard deviation of one draw.
  const Row rows[] = {
      {8, 2, 1024, 0.0845, 0.030, 0.0521},   {8, 2, 4096, 0.0431, 0.014, 0.0264},
      {64, 8, 1024, 0.2039, 0.046, 0.0819},  {64, 8, 4096, 0.1009, 0.014, 0.0420},
      {64, 6, 4096, 0.1191, 0.024, 0.0479},  {64, 1, 4096, 0.3070, 0.059, 0.1240},
      {128, 8, 4096, 0.1650, 0.034, 0.0610}, {256, 8, 4096, 0.2623, 0.034, 0.0866},
  };
  for (const Row& row : rows) {
    const NoiseFloor floor = floor_of_layer(tokens_with(row.k, row.tokens), row.experts, 42);
    EXPECT_EQ(floor.approximate, row.k * row.tokens > 50'000);
    EXPECT_NEAR(floor.max_violation.mean, row.max_violation, row.deviation / 2)
        << row.experts << " " << row.k << " " << row.tokens;
    const double one_draw = row.cv / std::sqrt(2.0 * static_cast<double>(row.experts - 1));
    EXPECT_NEAR(floor.cv.mean, row.cv, one_draw / 2) << row.experts << " " << row.k << " " << row.tokens;
  }
}

TEST(NoiseFloor, MeanCvFollowsTheory) {
  // E[CV²] = (E−k)/(kT); the mean of a χ-like quantity with E−1 degrees of freedom lies 1/(4(E−1)) below.
  for (const std::size_t k : {1U, 2U, 8U, 31U, 63U}) {
    const double theory = expected_uniform_cv(64, static_cast<std::int64_t>(k), 700);
    const double sampling_error = theory / std::sqrt(2.0 * 63.0 * kNoiseFloorDraws);
    for (const std::uint64_t limit : {kMaxDrawnAssignments, std::uint64_t{0}}) {
      const NoiseFloor floor = floor_within(limit, tokens_with(k, 700), 64, 7);
      EXPECT_NEAR(floor.cv.mean, theory * (1.0 - 1.0 / (4.0 * 63.0)), 4.0 * sampling_error)
          << "k=" << k << " limit=" << limit;
    }
  }
}

std::vector<NoiseFloor> floors_of_seeds(std::uint64_t limit, const Counts& count_of_k, std::int64_t experts) {
  std::vector<NoiseFloor> floors;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    floors.push_back(floor_within(limit, count_of_k, experts, seed));
    EXPECT_EQ(floors.back().approximate, limit == 0);
  }
  return floors;
}

double mean_of(const std::vector<NoiseFloor>& floors, Floor NoiseFloor::*metric) {
  double sum = 0;
  for (const NoiseFloor& floor : floors) {
    sum += (floor.*metric).mean;
  }
  return sum / static_cast<double>(floors.size());
}

TEST(NoiseFloor, ApproximationAgreesWithDrawing) {
  Counts mixed = tokens_with(8, 1000);
  mixed[1] = 2000;
  mixed[0] = 50;
  for (const Counts& count_of_k : {tokens_with(2, 6000), mixed}) {
    // Over 8 seeds, so that sampling leaves about 1 % of the difference.
    const std::vector<NoiseFloor> drawn = floors_of_seeds(UINT64_MAX, count_of_k, 32);
    const std::vector<NoiseFloor> approximate = floors_of_seeds(0, count_of_k, 32);
    for (Floor NoiseFloor::*metric :
         {&NoiseFloor::max_violation, &NoiseFloor::min_over_mean, &NoiseFloor::cv, &NoiseFloor::gini,
          &NoiseFloor::entropy, &NoiseFloor::effective_experts}) {
      EXPECT_NEAR(mean_of(approximate, metric) / mean_of(drawn, metric), 1.0, 0.03);
    }
  }
}

TEST(NoiseFloor, ApproximationKeepsTheCorrelationThatTwoExpertsShow) {
  // What one of two experts gets the other does not: without correlation the CV would be √2 too small.
  const auto drawn = floors_of_seeds(UINT64_MAX, tokens_with(1, 5000), 2);
  const auto approximate = floors_of_seeds(0, tokens_with(1, 5000), 2);
  EXPECT_NEAR(mean_of(approximate, &NoiseFloor::cv) / mean_of(drawn, &NoiseFloor::cv), 1.0, 0.08);
}

TEST(NoiseFloor, ApproximationKeepsTheSkewnessThatTheLargestOfManyLoadsShows) {
  // Loads of mean 98, 512 of them: without skewness the largest would be 6 % too small.
  const NoiseFloor drawn = floor_within(UINT64_MAX, tokens_with(8, 6250), 512, 1);
  const NoiseFloor approximate = floor_within(0, tokens_with(8, 6250), 512, 1);
  EXPECT_NEAR(approximate.max_violation.mean / drawn.max_violation.mean, 1.0, 0.03);
  EXPECT_NEAR(approximate.min_over_mean.mean / drawn.min_over_mean.mean, 1.0, 0.01);
}

TEST(NoiseFloor, EveryExpertForEveryTokenHasNoSpread) {
  for (const std::uint64_t limit : {kMaxDrawnAssignments, std::uint64_t{0}}) {
    const NoiseFloor floor = floor_within(limit, tokens_with(8, 100), 8, 1);
    EXPECT_EQ(floor.approximate, limit == 0);
    EXPECT_EQ(floor.max_violation.mean, 0.0);
    EXPECT_EQ(floor.max_violation.p95, 0.0);
    EXPECT_EQ(floor.min_over_mean.mean, 1.0);
    EXPECT_EQ(floor.cv.p95, 0.0);
    EXPECT_EQ(floor.gini.p95, 0.0);
    EXPECT_EQ(floor.dead_experts.p95, 0.0);
    EXPECT_NEAR(floor.entropy.mean, 1.0, 1e-14);
    EXPECT_NEAR(floor.effective_experts.mean, 8.0, 1e-12);
  }
}

TEST(NoiseFloor, OneExpertAndNoTokensAreOrdinary) {
  for (const std::uint64_t limit : {kMaxDrawnAssignments, std::uint64_t{0}}) {
    const NoiseFloor one = floor_within(limit, tokens_with(1, 1000), 1, 1);
    EXPECT_EQ(one.max_violation.p95, 0.0);
    EXPECT_EQ(one.effective_experts.mean, 1.0);
  }
  for (const Counts& nobody : {Counts{}, Counts{0, 0}, Counts{500}}) {
    const NoiseFloor none = floor_of_layer(nobody, 8, 1);
    EXPECT_FALSE(none.approximate);
    EXPECT_EQ(none.max_violation.mean, 0.0);
    EXPECT_EQ(none.entropy.mean, 1.0);
  }
}

// The same draws, written plainly: one set per token.
std::vector<LoadStats> draws_with_sets(const Counts& count_of_k, std::uint32_t experts, std::uint64_t seed) {
  std::vector<LoadStats> draws;
  for (std::uint64_t draw = 0; draw < 200; ++draw) {
    RandomSequence random({.seed = seed, .stream = Stream::noise_floor}, draw);
    Counts counts(experts);
    for (std::uint32_t k = 0; k < count_of_k.size(); ++k) {
      for (std::uint64_t token = 0; token < count_of_k[k]; ++token) {
        std::set<std::uint32_t> chosen;
        for (std::uint32_t last = experts - k; last < experts; ++last) {
          const std::uint32_t candidate = random.next_below(last + 1);
          chosen.insert(chosen.contains(candidate) ? last : candidate);
        }
        EXPECT_EQ(chosen.size(), k);
        for (const std::uint32_t expert : chosen) {
          ++counts[expert];
        }
      }
    }
    draws.push_back(load_stats(counts));
  }
  return draws;
}

TEST(NoiseFloor, TokensWithDifferentKKeepTheirOwn) {
  const Counts count_of_k = {5, 301, 0, 203, 0, 0, 71};  // 71 tokens choose all 6 experts
  const NoiseFloor floor = floor_of_layer(count_of_k, 6, 99);
  std::vector<double> max_violations;
  std::vector<double> ginis;
  double sum = 0;
  for (const LoadStats& stats : draws_with_sets(count_of_k, 6, 99)) {
    max_violations.push_back(stats.max_violation);
    ginis.push_back(stats.gini);
    sum += stats.max_violation;
  }
  std::sort(max_violations.begin(), max_violations.end());
  std::sort(ginis.begin(), ginis.end());
  EXPECT_EQ(floor.max_violation.mean, sum / 200);
  EXPECT_EQ(floor.max_violation.p95, max_violations[189]);
  EXPECT_EQ(floor.gini.p95, ginis[189]);  // the 190th of 200
  EXPECT_LT(ginis[189], ginis[190]);
}

TEST(NoiseFloor, FewTokensLeaveExpertsDead) {
  // 4 tokens on 64 experts touch 64·(1−(1−1/64)^4) of them.
  const NoiseFloor floor = floor_of_layer(tokens_with(1, 4), 64, 5);
  EXPECT_NEAR(floor.dead_experts.mean, 64.0 * std::pow(1.0 - 1.0 / 64.0, 4.0), 0.08);
}

TEST(NoiseFloor, DependsOnTheSeedAlone) {
  const Counts count_of_k = tokens_with(2, 300);
  const NoiseFloor first = floor_of_layer(count_of_k, 16, 1);
  EXPECT_EQ(first.cv.mean, floor_of_layer(count_of_k, 16, 1).cv.mean);
  EXPECT_NE(first.cv.mean, floor_of_layer(count_of_k, 16, 2).cv.mean);
  Counts padded = count_of_k;
  padded.resize(40);  // more classes than experts, all empty
  EXPECT_EQ(first.cv.mean, floor_of_layer(padded, 16, 1).cv.mean);
}

TEST(NoiseFloor, ApproximatesOnlyAboveTenMillionAssignmentsInAllDraws) {
  EXPECT_FALSE(floor_of_layer(tokens_with(2, 25'000), 8, 1).approximate);
  EXPECT_TRUE(floor_of_layer(tokens_with(2, 25'001), 8, 1).approximate);
  const NoiseFloor huge = floor_of_layer(tokens_with(2, std::uint64_t{1} << 50), 8, 1);
  EXPECT_TRUE(huge.approximate);
  EXPECT_NEAR(huge.cv.mean / expected_uniform_cv(8, 2, std::uint64_t{1} << 50), 1.0, 0.15);
}

TEST(NoiseFloor, RefusesMoreChoicesThanExperts) {
  try {
    floor_of_layer(tokens_with(9, 1), 8, 1);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::internal);
    EXPECT_NE(std::string(error.what()).find("tokens that chose more experts than there are"),
              std::string::npos);
  }
  EXPECT_THROW(floor_of_layer(tokens_with(1, 1), 0, 1), Error);
}

TEST(ExpectedUniformCv, IsTheClosedForm) {
  EXPECT_NEAR(expected_uniform_cv(8, 2, 1024), 0.0541, 5e-5);
  EXPECT_NEAR(expected_uniform_cv(256, 8, 4096), 0.0870, 5e-5);
  EXPECT_EQ(expected_uniform_cv(8, 8, 10), 0.0);
  EXPECT_EQ(expected_uniform_cv(8, 0, 10), 0.0);
  EXPECT_EQ(expected_uniform_cv(8, 2, 0), 0.0);
}

TEST(NoiseFloor, AMeanOfLayersHasTheSameMeanAndLessSpread) {
  const std::vector<Counts> one{tokens_with(2, 2000)};
  const std::vector<Counts> sixteen(16, one.front());
  for (const std::uint64_t limit : {std::uint64_t{UINT64_MAX}, std::uint64_t{0}}) {
    const NoiseFloor single = noise_floor_within(limit, one, 32, 5);
    const NoiseFloor stack = noise_floor_within(limit, sixteen, 32, 6);
    EXPECT_NEAR(stack.max_violation.mean / single.max_violation.mean, 1.0, 0.08);
    // A sixteenth of the variance: a quarter of the distance from the mean to either point.
    const double spread = stack.max_violation.p95 - stack.max_violation.p05;
    const double spread_of_one = single.max_violation.p95 - single.max_violation.p05;
    EXPECT_NEAR(spread / spread_of_one, 0.25, 0.08);
    EXPECT_LT(stack.entropy.p05, stack.entropy.mean);
    EXPECT_GT(stack.entropy.p95, stack.entropy.mean);
  }
}

TEST(NoiseFloor, DeadExpertsOfAllLayersAreCountedTogether) {
  const std::vector<Counts> layers(3, tokens_with(1, 4));
  const double alone = noise_floor({layers.data(), 1}, 64, 3).dead_experts.mean;
  EXPECT_NEAR(alone, 64 * std::pow(63.0 / 64.0, 4), 0.1);
  EXPECT_NEAR(noise_floor(layers, 64, 3).dead_experts.mean, 3 * alone, 0.2);
}

}  // namespace
}  // namespace moesim
