#include "metrics/step_record.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/random.h"
#include "metrics/dropless_counts.h"

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

// Any number of choices a token, any number of tokens, experts of all kinds.
TEST(CountLayer, WithoutAPlanIsTheSameWhereNothingIsDropped) {
  RandomSequence draw({.seed = 3, .stream = Stream::router_noise}, 0);
  for (int round = 0; round < 200; ++round) {
    Assignments a;
    a.num_experts = 1 + static_cast<Index>(draw.next_below(9));
    a.begin = {0};
    const std::uint32_t tokens = draw.next_below(45);
    for (std::uint32_t t = 0; t < tokens; ++t) {
      const std::uint32_t chosen =
          std::min<std::uint32_t>(draw.next_below(4), static_cast<std::uint32_t>(a.num_experts));
      for (std::uint32_t j = 0; j < chosen; ++j) {
        a.expert.push_back(static_cast<std::int32_t>((t + j) % static_cast<std::uint32_t>(a.num_experts)));
        a.weight.push_back(1);
        a.score.push_back(1);
      }
      a.begin.push_back(a.size());
    }
    ExpertBank bank;
    for (Index e = 0; e < a.num_experts; ++e) {
      bank.kind.push_back(e % 3 == 2 ? ExpertKind::zero : ExpertKind::ffn);
    }
    const LayerCounts planned = count_layer(a, make_plan({.assignments = a}), bank);
    const LayerCounts counted = count_dropless_layer(a, bank);
    EXPECT_EQ(counted.tokens, planned.tokens);
    EXPECT_EQ(counted.assignments, planned.assignments);
    EXPECT_EQ(counted.kept, planned.kept);
    EXPECT_EQ(counted.rerouted, planned.rerouted);
    EXPECT_EQ(counted.outranked, planned.outranked);
    EXPECT_EQ(counted.kept_ffn, planned.kept_ffn);
    EXPECT_EQ(counted.tokens_without_expert, planned.tokens_without_expert);
    EXPECT_EQ(counted.distinct_experts, planned.distinct_experts);
    EXPECT_EQ(counted.steps, planned.steps);
    EXPECT_EQ(counted.routed_per_expert, planned.routed_per_expert);
    EXPECT_EQ(counted.tokens_per_expert, planned.tokens_per_expert);
    EXPECT_EQ(counted.tokens_with_k, planned.tokens_with_k);
    EXPECT_EQ(counted.routed_in_decile, planned.routed_in_decile);
    EXPECT_EQ(counted.dropped_in_decile, planned.dropped_in_decile);
    EXPECT_EQ(counted.rows_to_largest, planned.rows_to_largest);
    EXPECT_EQ(counted.rows_to_capacity, planned.rows_to_capacity);
    EXPECT_EQ(counted.rows_in_blocks, planned.rows_in_blocks);
  }
}

}  // namespace
}  // namespace moesim
