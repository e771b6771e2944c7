#include "report/sweep_analysis.h"

#include <gtest/gtest.h>

#include "report/sweep_screen.h"

namespace moesim {
namespace {

using Values = std::vector<std::pair<const char*, std::int64_t>>;

StoredPoint point_of(const Values& values, double tokens_per_s) {
  StoredPoint point;
  for (const auto& [axis, value] : values) {
    point.parameters.push_back({axis, value});
  }
  point.record = {{"m.tokens_per_s", tokens_per_s}, {"m.load_cv", 1 / tokens_per_s}};
  return point;
}

TEST(SweepAnalysis, AxesThatAdvanceTogetherShareOneShare) {
  std::vector<StoredPoint> points;
  for (const std::int64_t i : {1, 2, 3}) {
    for (const std::int64_t k : {1, 2}) {
      points.push_back(point_of({{"experts", 8 * i}, {"width", 64 / i}, {"k", k}},
                                100.0 * static_cast<double>(i) + 10 * static_cast<double>(k)));
    }
  }
  const SweepAnalysis analysis = analyse_sweep(points, {"experts", "k", "width"});
  ASSERT_EQ(analysis.shares.size(), 2u);
  EXPECT_EQ(analysis.shares[0].axis, "experts + width");
  EXPECT_EQ(analysis.shares[1].axis, "k");
  EXPECT_LE(analysis.shares[0].throughput + analysis.shares[1].throughput, 1.0);
  EXPECT_GT(analysis.shares[0].throughput, 0.9);
  const std::string screen = render_sweep(analysis, {"experts", "k", "width"}, {});
  EXPECT_NE(screen.find("% lie between the values of experts + width, "), std::string::npos) << screen;
}

TEST(SweepAnalysis, AnAxisWithoutEffectAtSomePointsStaysWithTheOneItAdvancesWith) {
  const std::vector<StoredPoint> points = {point_of({{"a", 1}, {"k", 1}}, 10),
                                           point_of({{"a", 2}, {"b", 5}, {"k", 1}}, 20),
                                           point_of({{"a", 3}, {"b", 6}, {"k", 2}}, 30)};
  const SweepAnalysis analysis = analyse_sweep(points, {"a", "b", "k"});
  ASSERT_EQ(analysis.shares.size(), 2u);
  EXPECT_EQ(analysis.shares[0].axis, "a + b");
  EXPECT_NEAR(analysis.shares[0].throughput, 1.0, 1e-12) << "all three points differ in it";
}

// Each of these has values of its own beside every value of another.
TEST(SweepAnalysis, AxesThatCrossStayApart) {
  std::vector<StoredPoint> points;
  for (const std::int64_t a : {1, 2}) {
    for (const std::int64_t b : {1, 2}) {
      points.push_back(point_of({{"a", a}, {"b", b}}, static_cast<double>(10 * a + b)));
    }
  }
  EXPECT_EQ(analyse_sweep(points, {"a", "b"}).shares.size(), 2u);
  // Two axes that never have an effect at the same point say nothing of each other.
  const std::vector<StoredPoint> elsewhere = {
      point_of({{"kind", 1}, {"p", 1}}, 10), point_of({{"kind", 1}, {"p", 2}}, 20),
      point_of({{"kind", 2}, {"q", 1}}, 30), point_of({{"kind", 2}, {"q", 2}}, 40)};
  EXPECT_EQ(analyse_sweep(elsewhere, {"kind", "p", "q"}).shares.size(), 3u);
}

}  // namespace
}  // namespace moesim
