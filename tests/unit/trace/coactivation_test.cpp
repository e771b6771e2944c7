#include "trace/coactivation.h"

#include <gtest/gtest.h>

#include <map>

#include "recordings.h"

namespace moesim {
namespace {

using trace_test::block_of;
using trace_test::random_tokens;
using trace_test::TokenChoices;

TEST(Coactivation, CountsAllPairsAndThoseOfNeighbouringRanks) {
  const auto tokens = random_tokens({.tokens = 400, .experts = 12, .top_k = 4});
  CoactivationCounts counts;
  for (const ChoiceBlock& block : trace_test::blocks_of(tokens, 37)) {
    CoactivationCounts part;
    part.add(block);
    counts.merge(part);
  }
  std::map<std::pair<int, int>, std::uint32_t> all;
  std::map<std::pair<int, int>, std::uint32_t> adjacent;
  for (const TokenChoices& token : tokens) {
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t j = i + 1; j < 4; ++j) {
        const auto pair = std::minmax(token.experts[i], token.experts[j]);
        ++all[pair];
        adjacent[pair] += j == i + 1 ? 1 : 0;
      }
    }
  }
  for (int a = 0; a < 12; ++a) {
    for (int b = a + 1; b < 12; ++b) {
      EXPECT_EQ(counts.all.count(a, b), (all[{a, b}])) << a << " " << b;
      EXPECT_EQ(counts.adjacent.count(b, a), (adjacent[{a, b}])) << a << " " << b;
    }
  }
  EXPECT_EQ(counts.all.total(), 400U * 6);
  EXPECT_EQ(counts.adjacent.total(), 400U * 3);
  EXPECT_EQ(counts.all.count(3, 99), 0U);
}

PairSummary pairs_of(const std::vector<TokenChoices>& tokens, Index experts, std::size_t top) {
  CoactivationCounts counts;
  LayerLoad load;
  counts.add(block_of(tokens));
  load.add(block_of(tokens));
  load.widen(experts);
  return summarise_pairs(counts.all, load, top);
}

TEST(Coactivation, FindsThePairThatComesTogether) {
  // Experts 0 and 1 always together, 2 and 3 too: each pair half of all, by popularity a sixth.
  const PairSummary summary = pairs_of({{{0, 1}}, {{3, 2}}, {{1, 0}}, {{2, 3}}}, 5, 2);
  ASSERT_EQ(summary.top.size(), 2U);
  EXPECT_EQ(summary.top[0].a, 0);
  EXPECT_EQ(summary.top[0].b, 1);
  EXPECT_EQ(summary.top[0].count, 2U);
  EXPECT_DOUBLE_EQ(summary.top[0].share_of_tokens, 0.5);
  EXPECT_DOUBLE_EQ(summary.top[0].of_rarer, 1.0);
  EXPECT_DOUBLE_EQ(summary.top[0].lift, 3.0);
  EXPECT_EQ(summary.top[1].a, 2);
  EXPECT_DOUBLE_EQ(summary.departure, 2.0 / 3);
}

TEST(Coactivation, IndependentPairsDepartByChanceAlone) {
  std::vector<TokenChoices> tokens;
  for (Index t = 0; t < 5000; ++t) {
    RandomSequence random({.seed = 5}, static_cast<std::uint64_t>(t));
    const auto a = static_cast<std::int32_t>(random.next_below(16));
    const auto b = static_cast<std::int32_t>(random.next_below(15));
    tokens.push_back({{a, b + (b >= a ? 1 : 0)}});
  }
  const PairSummary summary = pairs_of(tokens, 16, 3);
  EXPECT_NEAR(summary.departure / summary.departure_floor, 1.0, 0.15);
  for (const ExpertPair& pair : summary.top) {
    EXPECT_LT(pair.lift, 1.7);
  }
}

TEST(Coactivation, SingleChoicesHaveNoPairs) {
  const PairSummary summary = pairs_of({{{0}}, {{1}}}, 2, 3);
  EXPECT_EQ(summary.pairs, 0U);
  EXPECT_TRUE(summary.top.empty());
}

}  // namespace
}  // namespace moesim
