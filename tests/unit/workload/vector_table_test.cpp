#include "workload/vector_table.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace moesim {
namespace {

TEST(VectorTable, GivesEachIdOneVectorOfItsOwnIndex) {
  const Context context({.threads = 2});
  const RandomKey key{.seed = 9, .stream = Stream::test};
  VectorTable table(5);
  EXPECT_EQ(table.slot(70), 0U);
  EXPECT_EQ(table.slot(3), 1U);
  EXPECT_EQ(table.slot(70), 0U);
  EXPECT_EQ(table.size(), 2);
  table.fill(context, key, [](std::uint64_t id) { return id + 1000; });
  std::vector<float> expected(5);
  fill_normal(key, 1070, 1.0F, expected);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), table.vector(0).begin()));
  fill_normal(key, 1003, 1.0F, expected);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), table.vector(1).begin()));
}

TEST(VectorTable, IsEmptyAfterClear) {
  VectorTable table(2);
  table.slot(1);
  table.clear();
  EXPECT_EQ(table.size(), 0);
  EXPECT_EQ(table.slot(8), 0U);
}

TEST(VectorTable, LimitsItsMemoryButHoldsAtLeastOneVector) {
  EXPECT_EQ(VectorTable::limit(256), 16384);
  EXPECT_EQ(VectorTable::limit(Index{1} << 30), 1);
}

}  // namespace
}  // namespace moesim
