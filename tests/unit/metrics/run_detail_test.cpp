#include "metrics/run_detail.h"

#include <gtest/gtest.h>

#include <cmath>

namespace moesim {
namespace {

TEST(RunDetail, HistogramsCountEverythingOnce) {
  Histogram histogram = make_histogram("weight", 3);
  for (const double value : {-1.0, 0.0, 0.049, 0.05, 0.999, 1.0, 2.5}) {
    add_to(histogram, value);
  }
  EXPECT_EQ(histogram.layer, 3);
  EXPECT_EQ(histogram.bins.size(), kHistogramBins);
  EXPECT_EQ(histogram.bins.front(), 3u);
  EXPECT_EQ(histogram.bins[1], 1u);
  EXPECT_EQ(histogram.bins.back(), 3u);
}

TEST(RunDetail, PairsAreCountedOncePerTokenWhateverTheirOrder) {
  Assignments a;
  a.num_experts = 4;
  a.begin = {0, 2, 2, 5};
  a.expert = {3, 1, 0, 1, 3};
  CoActivation pairs{0, 4, Counts(16)};
  count_pairs(a, pairs);
  EXPECT_EQ(pairs.together[1 * 4 + 3], 2u);
  EXPECT_EQ(pairs.together[0 * 4 + 1], 1u);
  EXPECT_EQ(pairs.together[0 * 4 + 3], 1u);
  std::uint64_t sum = 0;
  for (const std::uint64_t count : pairs.together) {
    sum += count;
  }
  EXPECT_EQ(sum, 4u);
}

TEST(RunDetail, EntropyIsOneForEqualLogitsAndNothingForASureChoice) {
  EXPECT_NEAR(normalised_entropy(std::vector<float>(7, 2.5F)), 1.0, 1e-12);
  EXPECT_NEAR(normalised_entropy(std::vector<float>{1000.0F, 0.0F, 0.0F}), 0.0, 1e-12);
  EXPECT_EQ(normalised_entropy(std::vector<float>{3.0F}), 1.0);
  // p = (3/4, 1/4): H = 0.5623 nats.
  EXPECT_NEAR(normalised_entropy(std::vector<float>{std::log(3.0F), 0.0F}), 0.8112781, 1e-6);
}

}  // namespace
}  // namespace moesim
