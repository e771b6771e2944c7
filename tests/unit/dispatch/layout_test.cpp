#include "dispatch/layout.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/error.h"

namespace moesim {
namespace {

using Loads = std::vector<std::uint64_t>;

double rows(const Loads& loads, Layout layout, Index size = 0) {
  return layout_rows({.loads = loads, .layout = layout, .size = size});
}

TEST(Layout, SmallCaseByHand) {
  const Loads loads = {3, 0, 5, 4};
  EXPECT_EQ(rows(loads, Layout::to_largest), 20);
  EXPECT_EQ(rows(loads, Layout::to_capacity, 6), 24);
  EXPECT_EQ(rows(loads, Layout::in_blocks, 4), 4 + 0 + 8 + 4);
  EXPECT_EQ(rows(loads, Layout::in_blocks, 1), 12);
  EXPECT_DOUBLE_EQ(padding_waste(20, 12), 8.0 / 12.0);
}

TEST(Layout, MegablocksRoundsToBlocksOf128) {
  const Loads loads = {1, 127, 128, 129, 0, 1000};
  EXPECT_EQ(rows(loads, Layout::in_blocks, kMegablocksRows), 128 + 128 + 128 + 256 + 0 + 1024);
}

TEST(Layout, NothingIsPaddedToNothing) {
  for (const Loads& loads : {Loads{}, Loads{0, 0, 0}}) {
    EXPECT_EQ(rows(loads, Layout::to_largest), 0);
    EXPECT_EQ(rows(loads, Layout::in_blocks, 128), 0);
    EXPECT_EQ(padding_waste(rows(loads, Layout::to_capacity, 0), 0), 0);
  }
  EXPECT_EQ(rows({0, 0}, Layout::to_capacity, 5), 10);
}

TEST(Layout, RefusesWhatDoesNotFit) {
  EXPECT_THROW(rows({3, 1}, Layout::to_capacity, 2), Error);
  EXPECT_THROW(rows({3, 1}, Layout::in_blocks, 0), Error);
}

RC_GTEST_PROP(Layout, HoldsAllRowsAndLessThanABlockMorePerExpert, ()) {
  const auto small = *rc::gen::container<std::vector<std::uint16_t>>(rc::gen::arbitrary<std::uint16_t>());
  const Loads loads(small.begin(), small.end());
  const Index block = *rc::gen::inRange<Index>(1, 300);
  const auto used = static_cast<double>(std::accumulate(loads.begin(), loads.end(), std::uint64_t{0}));
  const double held = rows(loads, Layout::in_blocks, block);
  RC_ASSERT(held >= used);
  RC_ASSERT(held - used <= static_cast<double>((block - 1) * std::ssize(loads)));
  RC_ASSERT(rows(loads, Layout::to_largest) >= used);
  const Index most = loads.empty() ? 0 : static_cast<Index>(*std::max_element(loads.begin(), loads.end()));
  RC_ASSERT(rows(loads, Layout::to_capacity, most) == rows(loads, Layout::to_largest));
  // Padded to the largest, the waste is the busiest expert over the mean, less 1.
  if (used > 0) {
    const double mean = used / static_cast<double>(loads.size());
    const double waste = padding_waste(rows(loads, Layout::to_largest), used);
    RC_ASSERT(std::abs(waste - (static_cast<double>(most) / mean - 1)) < 1e-9);
  }
}

}  // namespace
}  // namespace moesim
