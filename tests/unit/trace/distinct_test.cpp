#include "trace/distinct.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "recordings.h"

namespace moesim {
namespace {

using trace_test::random_tokens;
using trace_test::TokenChoices;

KeptTokens kept(const std::vector<TokenChoices>& tokens, Index most = 1 << 20) {
  KeptTokens keeper(most);
  keeper.add(trace_test::block_of(tokens));
  return keeper;
}

TEST(Distinct, CountsWindowsOfNeighboursSideBySide) {
  const std::uint32_t kLength = 45;
  const auto tokens = random_tokens({.tokens = 200, .experts = 130, .top_k = 3, .sequence_length = kLength});
  DistinctCounts counts;
  for (const ChoiceBlock& block : trace_test::blocks_of(tokens, 13)) {
    counts.add(block);
  }
  for (int d = 0; d <= kBatchDoublings; ++d) {
    const std::size_t batch = std::size_t{1} << d;
    std::uint64_t windows = 0;
    double sum = 0;
    for (std::size_t start = 0; start < tokens.size(); start += kLength) {
      const std::size_t end = std::min<std::size_t>(tokens.size(), start + kLength);
      for (std::size_t from = start; from + batch <= end; from += batch) {
        std::set<std::int32_t> experts;
        for (std::size_t t = from; t < from + batch; ++t) {
          experts.insert(tokens[t].experts.begin(), tokens[t].experts.end());
        }
        ++windows;
        sum += static_cast<double>(experts.size());
      }
    }
    EXPECT_EQ(counts.windows(d), windows) << batch;
    EXPECT_DOUBLE_EQ(counts.mean(d), windows == 0 ? 0.0 : sum / static_cast<double>(windows)) << batch;
  }
}

TEST(Distinct, UniformModelIsTheKnownTable) {
  const struct {
    Index experts;
    double k;
    std::vector<std::pair<Index, double>> expected;
  } rows[] = {{8, 2, {{1, 2.0}, {2, 3.5}, {4, 5.47}, {8, 7.2}, {16, 7.92}}},
              {64, 8, {{1, 8}, {2, 15}, {4, 26.48}, {8, 42.01}, {16, 56.44}, {32, 63.11}}},
              {256, 8, {{4, 30.53}, {8, 57.42}, {64, 222.44}, {128, 251.6}}},
              {512, 10, {{32, 239.64}, {64, 367.11}, {128, 471.0}}}};
  for (const auto& row : rows) {
    for (const auto& [batch, expected] : row.expected) {
      EXPECT_NEAR(distinct_uniform(row.experts, row.k, batch), expected, 0.006)
          << row.experts << " " << batch;
      const std::vector<double> q(static_cast<std::size_t>(row.experts),
                                  row.k / static_cast<double>(row.experts));
      EXPECT_NEAR(distinct_by_popularity(q, batch), distinct_uniform(row.experts, row.k, batch), 1e-9);
    }
  }
}

TEST(Distinct, MixedBatchesOfIndependentTokensFollowPopularity) {
  std::vector<TokenChoices> tokens;
  for (std::uint32_t t = 0; t < 4000; ++t) {
    RandomSequence random({.seed = 3}, t);
    const double u = random.next_uniform();
    tokens.push_back({{static_cast<std::int32_t>(u * u * 32)}, t / 100});
  }
  LayerLoad load;
  load.add(trace_test::block_of(tokens));
  for (const Index batch : {1, 4, 32, 128}) {
    const double mixed = distinct_mixed(kept(tokens), batch, {.seed = 9, .layer = 2, .draws = 600});
    EXPECT_NEAR(mixed, distinct_by_popularity(popularity(load), batch), 0.35) << batch;
    EXPECT_EQ(mixed, distinct_mixed(kept(tokens), batch, {.seed = 9, .layer = 2, .draws = 600}));
  }
}

// Two sequences that use two experts each: neighbours see two, a mixed pair one of each.
TEST(Distinct, MixedBatchesTakeOneTokenOfEachSequence) {
  std::vector<TokenChoices> tokens;
  for (std::uint32_t t = 0; t < 40; ++t) {
    tokens.push_back({{static_cast<std::int32_t>(t / 20)}, t / 20});
  }
  EXPECT_EQ(distinct_mixed(kept(tokens), 1, {}), 1.0);
  EXPECT_EQ(distinct_mixed(kept(tokens), 2, {}), 2.0);
  EXPECT_EQ(distinct_mixed(kept(tokens), 5, {}), 2.0);
  LayerLoad load;
  DistinctCounts counts;
  load.add(trace_test::block_of(tokens));
  counts.add(trace_test::block_of(tokens));
  const auto table = summarise_distinct(counts, kept(tokens), load, {});
  EXPECT_EQ(table[1].neighbours, 1.0);
  EXPECT_EQ(table[1].mixed, 2.0);
  EXPECT_EQ(table[4].windows, 2U);
  EXPECT_EQ(table[5].windows, 0U);
  EXPECT_EQ(table[6].draws, 0U);  // more than there are tokens
  const auto alone = summarise_distinct(counts, kept({tokens.begin(), tokens.begin() + 20}), load, {});
  EXPECT_EQ(alone[1].draws, 0U);
}

}  // namespace
}  // namespace moesim
