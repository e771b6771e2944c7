#include "trace/repetition.h"

#include <gtest/gtest.h>

#include <set>

#include "recordings.h"

namespace moesim {
namespace {

using trace_test::block_of;
using trace_test::blocks_of;
using trace_test::random_tokens;
using trace_test::TokenChoices;

Repetition repetition_of(const std::vector<ChoiceBlock>& blocks, Index experts) {
  RepetitionCounts counts;
  LayerLoad load;
  for (const ChoiceBlock& block : blocks) {
    counts.add(block);
    load.add(block);
  }
  load.widen(experts);
  return summarise_repetition(counts, load);
}

TEST(Repetition, RandomBaselinesAreMixtralsTable5) {
  const Repetition repetition = repetition_of({block_of({{{0, 1}}, {{2, 3}}})}, 8);
  EXPECT_EQ(repetition.neighbours, 1U);
  EXPECT_DOUBLE_EQ(repetition.same_first.uniform, 0.125);
  EXPECT_NEAR(repetition.any_of_two.uniform, 0.464, 5e-4);
  EXPECT_DOUBLE_EQ(repetition.shared_experts.uniform, 0.5);  // k²/E
  EXPECT_NEAR(chance_of_overlap(32, 4, 4), 1 - 20475.0 / 35960.0, 1e-12);
  EXPECT_EQ(chance_of_overlap(3, 2, 2), 1.0);
}

TEST(Repetition, CountsWhatTheDefinitionsSay) {
  const Repetition repetition =
      repetition_of({block_of({{{0, 1, 2}}, {{0, 3, 4}}, {{3, 5, 0}}, {{6, 7, 3}}, {{}}, {{6, 7, 3}}})}, 8);
  EXPECT_EQ(repetition.neighbours, 3U);  // none with the token that chose nobody
  EXPECT_DOUBLE_EQ(repetition.same_first.observed, 1.0 / 3);
  EXPECT_DOUBLE_EQ(repetition.any_of_two.observed,
                   2.0 / 3);  // 0 3 | 3 5; of 3 5 | 6 7 the third is not asked
  EXPECT_DOUBLE_EQ(repetition.shared_experts.observed, (1 + 2 + 1) / 3.0);
}

TEST(Repetition, NeverLooksAcrossSequencesOrGaps) {
  const std::vector<TokenChoices> tokens{{{0, 1}, 0}, {{0, 1}, 1}};
  EXPECT_EQ(repetition_of({block_of(tokens)}, 8).neighbours, 0U);
  EXPECT_EQ(repetition_of({block_of({{{0, 1}}}, 0, 0), block_of({{{0, 1}}}, 0, 2)}, 8).neighbours, 0U);
  EXPECT_EQ(repetition_of({block_of({{{0, 1}}}, 0, 0), block_of({{{0, 1}}}, 0, 1)}, 8).neighbours, 1U);
}

TEST(Repetition, IsTheSameHoweverTheTokensAreCut) {
  const auto tokens = random_tokens({.tokens = 300, .experts = 16, .top_k = 3, .sequence_length = 40});
  const Repetition whole = repetition_of({block_of(tokens)}, 16);
  for (const std::size_t length : {1U, 7U, 100U}) {
    const Repetition cut = repetition_of(blocks_of(tokens, length), 16);
    EXPECT_EQ(cut.neighbours, whole.neighbours);
    EXPECT_EQ(cut.same_first.observed, whole.same_first.observed);
    EXPECT_EQ(cut.any_of_two.popularity, whole.any_of_two.popularity);
    EXPECT_EQ(cut.shared_experts.observed, whole.shared_experts.observed);
  }
}

// Popularity: two tokens drawn from all, the same one being possible.
TEST(Repetition, PopularityIsThatOfAllPairsOfTokens) {
  auto tokens = random_tokens({.tokens = 60, .experts = 8, .top_k = 3});
  tokens[3].experts = {2};  // one token with less than two
  const Repetition repetition = repetition_of({block_of(tokens)}, 8);
  double same_first = 0;
  double overlap = 0;
  double shared = 0;
  for (const TokenChoices& a : tokens) {
    for (const TokenChoices& b : tokens) {
      same_first += a.experts[0] == b.experts[0] ? 1 : 0;
      const std::set<std::int32_t> all(a.experts.begin(), a.experts.end());
      const std::set<std::int32_t> two(a.experts.begin(), a.experts.begin() + (a.experts.size() > 1 ? 2 : 1));
      bool any = false;
      for (std::size_t i = 0; i < b.experts.size(); ++i) {
        shared += all.count(b.experts[i]) > 0 ? 1 : 0;
        any = any || (i < 2 && two.count(b.experts[i]) > 0);
      }
      overlap += any ? 1 : 0;
    }
  }
  EXPECT_NEAR(repetition.same_first.popularity, same_first / 3600, 1e-12);
  EXPECT_NEAR(repetition.any_of_two.popularity, overlap / 3600, 1e-12);
  EXPECT_NEAR(repetition.shared_experts.popularity, shared / 3600, 1e-12);
}

TEST(Repetition, WithoutPairsOneBaselineIsUnknown) {
  RepetitionCounts counts;
  LayerLoad load;
  const ChoiceBlock block = block_of(random_tokens({}));
  counts.add(block);
  counts.forget_pairs();
  counts.add(block, false);
  load.add(block);
  load.add(block);
  EXPECT_LT(summarise_repetition(counts, load).any_of_two.popularity, 0.0);
}

}  // namespace
}  // namespace moesim
