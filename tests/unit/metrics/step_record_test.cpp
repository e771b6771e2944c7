#include "metrics/step_record.h"

#include <gtest/gtest.h>

#include <vector>

namespace moesim {
namespace {

// One choice per token.
Assignments top_1(Index num_experts, const std::vector<std::int32_t>& experts) {
  Assignments a;
  a.num_experts = num_experts;
  a.begin = {0};
  for (const std::int32_t e : experts) {
    a.expert.push_back(e);
    a.weight.push_back(1);
    a.score.push_back(1);
    a.begin.push_back(a.size());
  }
  return a;
}

LayerCounts count(const Assignments& assignments, const CapacityRule* rule) {
  ExpertBank bank;
  bank.kind.assign(static_cast<std::size_t>(assignments.num_experts), ExpertKind::ffn);
  return count_layer(assignments, make_plan({.assignments = assignments, .rule = rule}), bank);
}

TEST(CountLayer, CountsReroutedRowsWhereTheyRan) {
  const CapacityRule rule{.factor = 0, .min = 2, .drop = DropRule::recycle};
  const LayerCounts counts = count(top_1(2, {0, 0, 0, 0, 0}), &rule);
  EXPECT_EQ(counts.routed_per_expert, (std::vector<std::uint64_t>{5, 0}));
  EXPECT_EQ(counts.tokens_per_expert, (std::vector<std::uint64_t>{2, 2}));
  EXPECT_EQ(counts.kept, 4u);
  EXPECT_EQ(counts.kept_ffn, 4u);
  EXPECT_EQ(counts.rerouted, 2u);
  EXPECT_EQ(counts.dropped(), 1u);
  EXPECT_EQ(counts.outranked, 0u);
  EXPECT_EQ(counts.distinct_experts, 2u);
}

TEST(CountLayer, CountsDropsByTenthOfTheGroup) {
  // Groups of 20 tokens for one expert with room for 18: the last tenth of each loses its two tokens.
  const CapacityRule rule{.factor = 0, .min = 18, .group = 20};
  const LayerCounts counts = count(top_1(1, std::vector<std::int32_t>(40, 0)), &rule);
  EXPECT_EQ(counts.dropped_in_decile[9], 4u);
  EXPECT_EQ(counts.dropped(), 4u);
  EXPECT_EQ(counts.routed_in_decile[0], 4u);
  // The last group is shorter: of 10 tokens none is lost, and its tenths are single tokens.
  const LayerCounts more = count(top_1(1, std::vector<std::int32_t>(30, 0)), &rule);
  EXPECT_EQ(more.dropped_in_decile[9], 2u);
  EXPECT_EQ(more.routed_in_decile[9], 3u);
}

TEST(CountLayer, CountsTheRowsOfThreeLayouts) {
  const CapacityRule rule{.factor = 0, .min = 4};
  LayerCounts counts = count(top_1(3, {0, 0, 0, 1}), &rule);
  EXPECT_EQ(counts.rows_to_largest, 9);
  EXPECT_EQ(counts.rows_to_capacity, 12);
  EXPECT_EQ(counts.rows_in_blocks, 256);
  counts.add(counts);
  EXPECT_EQ(counts.rows_to_largest, 18);
  EXPECT_EQ(counts.rows_to_capacity, 24);
  EXPECT_EQ(counts.rows_in_blocks, 512);
  EXPECT_EQ(count(top_1(3, {0, 0, 0, 1}), nullptr).rows_to_capacity, 0);
}

TEST(CountLayer, CapacityRowsAreThoseOfAllGroupsAndDevices) {
  const CapacityRule rule{.factor = 1.0, .group = 3, .drop = DropRule::device_level, .devices = 2};
  // Groups of 3, 3 and 1 tokens: ceil(3/2), ceil(3/2), ceil(1/2) rows for each of two devices.
  EXPECT_EQ(count(top_1(4, {0, 1, 2, 3, 0, 1, 2}), &rule).rows_to_capacity, 2 * (2 + 2 + 1));
}

}  // namespace
}  // namespace moesim
