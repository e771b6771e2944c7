#include "router/select.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

namespace moesim {
namespace {

using Ids = std::vector<std::int32_t>;

Ids top(const std::vector<float>& scores, std::size_t k) {
  SelectScratch scratch;
  Ids chosen(k);
  select_top_k(scores, chosen, scratch);
  return chosen;
}

std::vector<float> limited(const GroupLimits& limits, std::vector<float> scores) {
  SelectScratch scratch;
  limit_groups(limits, scores, scratch);
  return scores;
}

TEST(Select, BestFirst) {
  EXPECT_EQ(top({0.1F, 0.7F, 0.2F, 0.9F}, 3), (Ids{3, 1, 2}));
}

TEST(Select, TiesGoToTheLowestIndex) {
  EXPECT_EQ(top(std::vector<float>(9, 0.5F), 4), (Ids{0, 1, 2, 3}));
  EXPECT_EQ(top({1.0F, 2.0F, 2.0F, 1.0F, 2.0F}, 4), (Ids{1, 2, 4, 0}));
  EXPECT_EQ(top({0.0F, -0.0F, 0.0F}, 3), (Ids{0, 1, 2}));
}

TEST(Select, AllOfThem) {
  EXPECT_EQ(top({1.0F}, 1), (Ids{0}));
  EXPECT_EQ(top({1.0F, 3.0F, 2.0F}, 3), (Ids{1, 2, 0}));
}

RC_GTEST_PROP(Select, EqualsRepeatedSearchForTheBest, ()) {
  const auto values = *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(-5, 5)));
  const auto k = *rc::gen::inRange<std::size_t>(1, values.size() + 1);
  std::vector<float> scores(values.begin(), values.end());
  std::vector<float> left = scores;
  Ids expected;
  for (std::size_t j = 0; j < k; ++j) {
    std::size_t best = 0;
    for (std::size_t e = 1; e < left.size(); ++e) {
      best = left[e] > left[best] ? e : best;
    }
    expected.push_back(static_cast<std::int32_t>(best));
    left[best] = -std::numeric_limits<float>::infinity();
  }
  RC_ASSERT(top(scores, k) == expected);
}

constexpr float kOut = -std::numeric_limits<float>::infinity();

TEST(Groups, ScoredByTheirBest) {
  EXPECT_EQ(limited({.num_groups = 3, .kept_groups = 1, .summed = 1}, {5, 5, 9, 0, 1, 8}),
            (std::vector<float>{kOut, kOut, 9, 0, kOut, kOut}));
}

TEST(Groups, ScoredByTheSumOfTheirTwoBest) {
  EXPECT_EQ(limited({.num_groups = 2, .kept_groups = 1, .summed = 2}, {5, 1, 5, 9, 0, 0}),
            (std::vector<float>{5, 1, 5, kOut, kOut, kOut}));
}

TEST(Groups, ScoredByTheSumOfTheirThreeBest) {
  EXPECT_EQ(limited({.num_groups = 2, .kept_groups = 1, .summed = 3}, {5, 5, 0, 0, 4, 4, 4, 0}),
            (std::vector<float>{kOut, kOut, kOut, kOut, 4, 4, 4, 0}));
}

TEST(Groups, TiesKeepTheLowestGroups) {
  EXPECT_EQ(limited({.num_groups = 3, .kept_groups = 2, .summed = 1}, {1, 0, 1, 0, 0, 1}),
            (std::vector<float>{1, 0, 1, 0, kOut, kOut}));
}

TEST(Groups, FillWithZero) {
  EXPECT_EQ(limited({.num_groups = 2, .kept_groups = 1, .summed = 1, .fill = MaskFill::zero}, {2, -1, 1, 1}),
            (std::vector<float>{2, -1, 0, 0}));
}

TEST(Groups, KeepingAllChangesNothing) {
  EXPECT_EQ(limited({.num_groups = 2, .kept_groups = 2, .summed = 1, .fill = MaskFill::zero}, {2, -1, 1, 1}),
            (std::vector<float>{2, -1, 1, 1}));
}

// Their scores stay below top_p together, and still no excluded expert is taken.
TEST(SelectTopP, StopsAtTheLastExpertOfTheKeptGroups) {
  const std::vector<float> scores = {0.3F, 0.2F, 0.1F, 0.05F, 0.2F, 0.15F};
  std::vector<float> selection = scores;
  SelectScratch scratch;
  limit_groups({.num_groups = 3, .kept_groups = 1, .summed = 1}, selection, scratch);
  select_experts({.select = Select::top_p, .top_p = 0.95}, selection, scores, scratch);
  EXPECT_EQ(scratch.chosen, (std::vector<std::int32_t>{0, 1}));
  EXPECT_FALSE(scratch.tied);
}

}  // namespace
}  // namespace moesim
