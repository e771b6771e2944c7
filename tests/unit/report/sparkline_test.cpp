#include "report/sparkline.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace moesim {
namespace {

TEST(Sparkline, RisesFromZeroToTheMost) {
  EXPECT_EQ(sparkline(std::vector<double>{0, 1, 2, 3, 4, 5, 6, 7, 8}, 8, 16, true), "▁▂▃▄▅▆▇██");
  EXPECT_EQ(sparkline(std::vector<double>{0, 4, 8}, 8, 16, false), "_=#");
}

TEST(Sparkline, TakesMeansWhereThereIsNoRoomForAll) {
  EXPECT_EQ(sparkline(std::vector<double>{0, 8, 8, 8}, 8, 2, false), "=#");
  EXPECT_EQ(sparkline(std::vector<double>(1000, 8.0), 8, 5, false), "#####");
}

TEST(Sparkline, LeavesGapsAndStaysWithinItsSigns) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(sparkline(std::vector<double>{kNan, 1, kInfinity}, 1, 8, false), " # ");
  EXPECT_EQ(sparkline(std::vector<double>{-5, 50}, 10, 8, false), "_#");
  EXPECT_EQ(sparkline(std::vector<double>{0, 0}, 0, 8, false), "__") << "no scale";
  EXPECT_EQ(sparkline(std::vector<double>{}, 1, 8, false), "");
  EXPECT_EQ(sparkline(std::vector<double>{1}, 1, -3, false), "");
}

}  // namespace
}  // namespace moesim
