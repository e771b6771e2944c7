#include "trace/expert_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "recordings.h"

namespace moesim {
namespace {

using trace_test::random_tokens;
using trace_test::TokenChoices;

KeptTokens kept(const std::vector<TokenChoices>& tokens) {
  KeptTokens keeper;
  keeper.add(trace_test::block_of(tokens));
  return keeper;
}

std::vector<std::int32_t> accesses_of(const std::vector<TokenChoices>& tokens) {
  std::vector<std::int32_t> accesses;
  for (const TokenChoices& token : tokens) {
    accesses.insert(accesses.end(), token.experts.begin(), token.experts.end());
  }
  return accesses;
}

// The most hits any policy can reach that always loads what is missing: every set of held experts is tried.
int most_hits(const std::vector<std::int32_t>& accesses, std::size_t size) {
  std::map<std::set<std::int32_t>, int> states{{{}, 0}};
  for (const std::int32_t expert : accesses) {
    std::map<std::set<std::int32_t>, int> next;
    for (const auto& [held, hits] : states) {
      if (held.count(expert) > 0) {
        next[held] = std::max(next[held], hits + 1);
        continue;
      }
      std::vector<std::set<std::int32_t>> after;
      if (held.size() < size) {
        after.push_back(held);
      } else {
        for (const std::int32_t leaves : held) {
          after.push_back(held);
          after.back().erase(leaves);
        }
      }
      for (std::set<std::int32_t>& with : after) {
        with.insert(expert);
        next[with] = std::max(next[with], hits);
      }
    }
    states = std::move(next);
  }
  int most = 0;
  for (const auto& [held, hits] : states) {
    most = std::max(most, hits);
  }
  return most;
}

// lfu: keyed by uses so far, then by the last use; lru: by the last use alone.
double naive_rate(const std::vector<std::int32_t>& accesses, std::size_t size, bool lfu) {
  std::map<std::int32_t, std::pair<int, int>> used;
  std::set<std::int32_t> held;
  int hits = 0;
  for (std::size_t i = 0; i < accesses.size(); ++i) {
    if (held.count(accesses[i]) > 0) {
      ++hits;
    } else {
      if (held.size() == size) {
        held.erase(*std::min_element(held.begin(), held.end(), [&](std::int32_t a, std::int32_t b) {
          return std::pair(lfu ? used[a].first : 0, used[a].second) <
                 std::pair(lfu ? used[b].first : 0, used[b].second);
        }));
      }
      held.insert(accesses[i]);
    }
    used[accesses[i]] = {used[accesses[i]].first + 1, static_cast<int>(i)};
  }
  return hits / static_cast<double>(accesses.size());
}

TEST(ExpertCache, AgreesWithPlainSimulationAndWithTheBestOfAllPolicies) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const auto tokens =
        random_tokens({.tokens = 40, .experts = 6, .top_k = 2, .sequence_length = 40, .seed = seed});
    const auto accesses = accesses_of(tokens);
    const std::vector<Index> sizes{1, 2, 3, 4, 6};
    const CacheSummary summary = summarise_caches(kept(tokens), sizes);
    EXPECT_EQ(summary.accesses, 80U);
    for (const CacheRates& rates : summary.rates) {
      const auto size = static_cast<std::size_t>(rates.size);
      EXPECT_DOUBLE_EQ(rates.lru, naive_rate(accesses, size, false)) << size;
      EXPECT_DOUBLE_EQ(rates.lfu, naive_rate(accesses, size, true)) << size;
      EXPECT_DOUBLE_EQ(rates.optimal, most_hits(accesses, size) / 80.0) << size;
      EXPECT_GE(rates.optimal, std::max(rates.lru, rates.lfu));
    }
  }
}

TEST(ExpertCache, SequencesBeginEmptyAndCountAlike) {
  // One of four tokens, three of them hits; one of one token.
  const std::vector<TokenChoices> tokens{{{0}, 0}, {{0}, 0}, {{0}, 0}, {{0}, 0}, {{0}, 1}};
  const std::vector<Index> sizes{1};
  const CacheSummary summary = summarise_caches(kept(tokens), sizes);
  EXPECT_EQ(summary.sequences, 2U);
  EXPECT_DOUBLE_EQ(summary.rates[0].lru, (0.75 + 0.0) / 2);
  EXPECT_DOUBLE_EQ(summary.rates[0].optimal, (0.75 + 0.0) / 2);
}

TEST(ExpertCache, AFixedSetIsLearnedElsewhere) {
  // The second sequence uses only expert 2, which the first never does, and the other way round.
  std::vector<TokenChoices> tokens{{{0}, 0}, {{0}, 0}, {{1}, 0}, {{2}, 1}, {{2}, 1}};
  const std::vector<Index> sizes{1, 2, 3};
  const CacheSummary two = summarise_caches(kept(tokens), sizes);
  EXPECT_TRUE(two.fixed_from_other_sequences);
  // For the first: learned 2, then 0 and 1 by number. For the second: 0, then 1.
  EXPECT_DOUBLE_EQ(two.rates[0].fixed, 0.0);
  EXPECT_DOUBLE_EQ(two.rates[1].fixed, (2.0 / 3 + 0.0) / 2);
  EXPECT_DOUBLE_EQ(two.rates[2].fixed, 1.0);
  // Of one sequence the second half is served by the first: 0 0 | 0 1.
  const CacheSummary one = summarise_caches(kept({{{0}}, {{0}}, {{0}}, {{1}}}), sizes);
  EXPECT_FALSE(one.fixed_from_other_sequences);
  EXPECT_DOUBLE_EQ(one.rates[0].fixed, 0.5);
}

TEST(ExpertCache, SizesAreEighthsAndTheTokensOwn) {
  EXPECT_EQ(cache_sizes(32, 4), (std::vector<Index>{4, 8, 12, 16, 24}));
  EXPECT_EQ(cache_sizes(8, 2), (std::vector<Index>{1, 2, 3, 4, 6}));
  EXPECT_EQ(cache_sizes(1, 1), (std::vector<Index>{1}));
  EXPECT_EQ(cache_sizes(64, 0).front(), 1);
}

}  // namespace
}  // namespace moesim
