#include "workload/zipf.h"

#include <gtest/gtest.h>

namespace moesim {
namespace {

TEST(Zipf, IsTheInverseOfItsCumulativeWeights) {
  const Zipf zipf(3, 1.0);  // weights 1, 1/2, 1/3: borders at 6/11 and 9/11
  EXPECT_EQ(zipf.draw(0.0), 0U);
  EXPECT_EQ(zipf.draw(0.5454), 0U);
  EXPECT_EQ(zipf.draw(0.5455), 1U);
  EXPECT_EQ(zipf.draw(0.8181), 1U);
  EXPECT_EQ(zipf.draw(0.8182), 2U);
  EXPECT_EQ(zipf.draw(0.99999999999999989), 2U);
}

TEST(Zipf, ExponentZeroIsUniform) {
  const Zipf zipf(4, 0.0);
  EXPECT_EQ(zipf.draw(0.2499), 0U);
  EXPECT_EQ(zipf.draw(0.25), 1U);
  EXPECT_EQ(zipf.draw(0.75), 3U);
}

TEST(Zipf, OneItemIsAlwaysDrawn) {
  EXPECT_EQ(Zipf(1, 2.0).draw(0.999), 0U);
}

TEST(Zipf, WeightsThatVanishAreNeverDrawn) {
  const Zipf zipf(65536, 100.0);
  EXPECT_EQ(zipf.draw(0.99999999999999989), 0U);
}

TEST(Zipf, CountsTheMemoryItHolds) {
  EXPECT_EQ(Zipf(100, 1.0).memory_bytes(), 800U);
}

}  // namespace
}  // namespace moesim
