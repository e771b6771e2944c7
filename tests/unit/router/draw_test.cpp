#include "router/draw.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace moesim {
namespace {

constexpr RandomKey kKey{.seed = 11, .stream = Stream::test};

std::vector<std::int32_t> draw_once(DistinctDraw& draw, std::uint64_t index, std::size_t k) {
  std::vector<std::int32_t> chosen(k);
  draw.draw(RandomSequence(kKey, index), chosen);
  return chosen;
}

TEST(DistinctDraw, EveryOrderedChoiceIsEquallyLikely) {
  DistinctDraw draw(4);
  std::map<std::vector<std::int32_t>, int> seen;
  constexpr int kDraws = 12000;
  for (int i = 0; i < kDraws; ++i) {
    ++seen[draw_once(draw, static_cast<std::uint64_t>(i), 2)];
  }
  ASSERT_EQ(seen.size(), 12u);
  double chi_square = 0;
  for (const auto& [choice, count] : seen) {
    EXPECT_NE(choice[0], choice[1]);
    chi_square += (count - 1000.0) * (count - 1000.0) / 1000.0;
  }
  EXPECT_LT(chi_square, 37.4);  // 11 degrees of freedom, 1 in 10,000
}

TEST(DistinctDraw, AllOfThemIsAPermutation) {
  DistinctDraw draw(50);
  const auto chosen = draw_once(draw, 3, 50);
  EXPECT_EQ(std::set<std::int32_t>(chosen.begin(), chosen.end()).size(), 50u);
  EXPECT_EQ(draw_once(draw, 3, 50), chosen);
}

TEST(DistinctDraw, DoesNotDependOnEarlierDraws) {
  DistinctDraw used(10);
  draw_once(used, 1, 7);
  draw_once(used, 2, 10);
  DistinctDraw fresh(10);
  EXPECT_EQ(draw_once(used, 5, 4), draw_once(fresh, 5, 4));
}

TEST(DistinctDraw, OneExpertLeavesNoChoice) {
  DistinctDraw draw(1);
  EXPECT_EQ(draw_once(draw, 9, 1), (std::vector<std::int32_t>{0}));
}

}  // namespace
}  // namespace moesim
