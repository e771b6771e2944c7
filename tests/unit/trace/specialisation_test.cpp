#include "trace/specialisation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "recordings.h"
#include "trace/transition.h"

namespace moesim {
namespace {

using trace_test::TokenChoices;

LayerLoad load_of(const std::vector<std::uint64_t>& counts, Index top_k) {
  LayerLoad load;
  load.add(counts);
  load.assume_top_k(top_k);
  return load;
}

TEST(Specialisation, OfDomainsIsTheShareOfTheirTokens) {
  const LayerLoad a = load_of({8, 2, 6, 4}, 2);  // ten tokens
  const LayerLoad b = load_of({1, 9, 5, 5}, 2);
  const std::vector<const LayerLoad*> domains{&a, &b};
  const auto result = specialise_domains(domains);
  ASSERT_EQ(result.size(), 2U);
  EXPECT_EQ(result[0].expert, 0);
  EXPECT_DOUBLE_EQ(result[0].share, 0.8);
  EXPECT_DOUBLE_EQ(result[0].chance, 0.5);  // k/E
  EXPECT_DOUBLE_EQ(result[0].distance, 0.5 * (0.35 + 0.35 + 0.05 + 0.05));
  EXPECT_EQ(result[1].expert, 1);
  EXPECT_DOUBLE_EQ(result[1].share, 0.9);
  const std::vector<const LayerLoad*> alone{&a};
  EXPECT_EQ(specialise_domains(alone)[0].distance, 0.0);
}

TEST(Specialisation, LargestOfFewIsTheSumOverAllOutcomes) {
  const std::vector<double> q{0.5, 0.3, 0.2, 0.0};
  double expected = 0;  // three experts, X_e of 0 … 2 each
  for (int a = 0; a <= 2; ++a) {
    for (int b = 0; b <= 2; ++b) {
      for (int c = 0; c <= 2; ++c) {
        double probability = 1;
        const int x[] = {a, b, c};
        for (std::size_t e = 0; e < 3; ++e) {
          probability *= (x[e] == 1 ? 2.0 : 1.0) * std::pow(q[e], x[e]) * std::pow(1 - q[e], 2 - x[e]);
        }
        expected += probability * std::max({a, b, c}) / 2.0;
      }
    }
  }
  EXPECT_NEAR(expected_largest_share(q, 2), expected, 1e-12);
  EXPECT_NEAR(expected_largest_share(q, 4096), 0.5, 1e-3);
  EXPECT_DOUBLE_EQ(expected_largest_share(std::vector<double>{1.0, 0.1}, 7), 1.0);
}

TEST(Specialisation, OfVocabularyCountsOccurrences) {
  VocabularyCounts counts;
  counts.add(5, std::vector<std::uint64_t>{6, 2});     // in two pieces
  counts.add(5, std::vector<std::uint64_t>{0, 0, 4});  // six occurrences, all of them on expert 0
  counts.add(7, std::vector<std::uint64_t>{1, 1, 2});  // two, both on expert 2
  counts.add(8, std::vector<std::uint64_t>{1, 1, 0});  // one
  counts.add(2, std::vector<std::uint64_t>{1, 3, 2});  // three
  counts.add(9, std::vector<std::uint64_t>{0, 0, 0});  // never met
  counts.end();
  EXPECT_TRUE(counts.is_known());
  EXPECT_EQ(counts.common_divisor(), 2U);
  const auto result = counts.summarise(load_of({9, 7, 8}, 2), 2);
  EXPECT_EQ(result.ids, 4U);
  EXPECT_EQ(result.occurrences, 12U);
  EXPECT_DOUBLE_EQ(result.share, (6 + 2 + 1 + 3) / 12.0);
  EXPECT_NEAR(result.chance, 2.0 / 3, 1e-12);
  EXPECT_GT(result.popularity, result.chance);
  EXPECT_LT(result.popularity, 1.0);
  counts.add(7, std::vector<std::uint64_t>{1, 1, 0});  // again
  counts.end();
  EXPECT_FALSE(counts.is_known());
}

TEST(Specialisation, OfKeptTokensIsThatOfTheirCounts) {
  const auto tokens = trace_test::random_tokens({.tokens = 300, .experts = 8, .top_k = 2});
  KeptTokens kept;
  kept.add(trace_test::block_of(tokens));
  LayerLoad load;
  load.add(trace_test::block_of(tokens));
  const VocabularyCounts by_token = count_vocabulary(kept);
  VocabularyCounts by_id;
  for (std::int64_t id = 0; id < 7; ++id) {
    std::vector<std::uint64_t> count(8);
    for (const TokenChoices& token : tokens) {
      for (const std::int32_t expert : token.experts) {
        count[static_cast<std::size_t>(expert)] += token.token_id == id ? 1 : 0;
      }
    }
    by_id.add(id, count);
  }
  by_id.end();
  EXPECT_EQ(by_token.summarise(load, 2).share, by_id.summarise(load, 2).share);
  EXPECT_EQ(by_token.summarise(load, 2).popularity, by_id.summarise(load, 2).popularity);
  EXPECT_EQ(by_token.summarise(load, 2).occurrences, 300U);
  // Words that chose alike show what popularity alone gives.
  EXPECT_NEAR(by_token.summarise(load, 2).share, by_token.summarise(load, 2).popularity, 0.05);
}

KeptTokens first_choices(const std::vector<std::int32_t>& experts, std::uint64_t first_token = 0) {
  std::vector<TokenChoices> tokens;
  for (const std::int32_t expert : experts) {
    tokens.push_back({{expert, 9}});
  }
  KeptTokens kept;
  kept.add(trace_test::block_of(tokens, 0, first_token));
  return kept;
}

TEST(Transition, GuessesTheMostFrequentFollower) {
  const KeptTokens from = first_choices({0, 0, 1, 1, 0, 0, 1, 2});
  const KeptTokens to = first_choices({3, 3, 4, 5, 3, 4, 5, 4});
  const Transition transition = summarise_transition(from, to);
  EXPECT_EQ(transition.tokens, 8U);
  EXPECT_DOUBLE_EQ(transition.in_sample, 6.0 / 8);  // 0→3 three of four, 1→5 two of three, 2→4
  EXPECT_DOUBLE_EQ(transition.popularity, 3.0 / 8);
  // Learned on 0→3, 1→4 (the lower of two equals), all 3; scored on 0→3, 0→4, 1→5, 2→4.
  EXPECT_DOUBLE_EQ(transition.held_out, 1.0 / 4);
  EXPECT_DOUBLE_EQ(transition.popularity_held_out, 1.0 / 4);
}

TEST(Transition, PairsTheSameTokens) {
  EXPECT_EQ(summarise_transition(first_choices({0, 1, 2, 3}), first_choices({7, 8}, 2)).tokens, 2U);
  EXPECT_EQ(summarise_transition(first_choices({0, 1}), first_choices({7, 8}, 2)).tokens, 0U);
}

}  // namespace
}  // namespace moesim
