#include "dispatch/drop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/random.h"
#include "routings.h"

namespace moesim {
namespace {

using test::routing_of;

constexpr DropRule kRules[] = {DropRule::position_token_major, DropRule::position_k_major,
                               DropRule::batch_prioritised, DropRule::expert_weight, DropRule::random};

std::vector<Index> order_of(const Assignments& assignments, DropRule rule) {
  return claim_order({.assignments = assignments, .rule = rule});
}

std::vector<Index> kept_of(const Assignments& assignments, DropRule rule, Index capacity) {
  const std::vector<DropReason> reasons = grant_claims(assignments, order_of(assignments, rule), capacity);
  std::vector<Index> kept;
  for (std::size_t a = 0; a < reasons.size(); ++a) {
    if (reasons[a] == DropReason::kept) {
      kept.push_back(static_cast<Index>(a));
    }
  }
  return kept;
}

// Four tokens, two choices each, three experts. Assignments 0…7; who asks for expert 0: 1 (t0, second
// choice), 2 (t1, first), 4 (t2, first), 7 (t3, second); expert 1: 0, 5, 6; expert 2: 3.
Assignments four_tokens() {
  return routing_of(3, {{{1, .6F, .6F}, {0, .4F, .4F}},
                        {{0, .5F, .5F}, {2, .3F, .3F}},
                        {{0, .7F, .7F}, {1, .2F, .2F}},
                        {{1, .6F, .6F}, {0, .5F, .5F}}});
}

TEST(ClaimOrder, TokenMajorIsThePlainLoop) {
  EXPECT_EQ(order_of(four_tokens(), DropRule::position_token_major),
            (std::vector<Index>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(kept_of(four_tokens(), DropRule::position_token_major, 2), (std::vector<Index>{0, 1, 2, 3, 5}));
  EXPECT_EQ(kept_of(four_tokens(), DropRule::position_token_major, 1), (std::vector<Index>{0, 1, 3}));
}

TEST(ClaimOrder, KMajorServesAllFirstChoicesFirst) {
  EXPECT_EQ(order_of(four_tokens(), DropRule::position_k_major),
            (std::vector<Index>{0, 2, 4, 6, 1, 3, 5, 7}));
  EXPECT_EQ(kept_of(four_tokens(), DropRule::position_k_major, 2), (std::vector<Index>{0, 2, 3, 4, 6}));
  EXPECT_EQ(kept_of(four_tokens(), DropRule::position_k_major, 1), (std::vector<Index>{0, 2, 3}));
}

TEST(ClaimOrder, BatchPrioritisedServesConfidentTokensFirst) {
  // Tokens by best score: t2 (.7), t0 (.6), t3 (.6: later token), t1 (.5).
  EXPECT_EQ(order_of(four_tokens(), DropRule::batch_prioritised),
            (std::vector<Index>{4, 0, 6, 2, 5, 1, 7, 3}));
  EXPECT_EQ(kept_of(four_tokens(), DropRule::batch_prioritised, 2), (std::vector<Index>{0, 2, 3, 4, 6}));
  EXPECT_EQ(kept_of(four_tokens(), DropRule::batch_prioritised, 1), (std::vector<Index>{0, 3, 4}));
}

TEST(ClaimOrder, BatchPrioritisedTakesTheBestScoreOfAnyChoice) {
  // A bias put the lower score first: the token's rank is still its best score.
  const Assignments assignments = routing_of(2, {{{0, 1, .5F}}, {{0, 1, .1F}, {1, 1, .9F}}});
  EXPECT_EQ(order_of(assignments, DropRule::batch_prioritised), (std::vector<Index>{1, 0, 2}));
}

TEST(ClaimOrder, ExpertWeightKeepsTheHighestWeights) {
  // Expert 0 is asked with .4 (t0), .5 (t1), .7 (t2), .5 (t3); expert 1 with .6 (t0), .2 (t2), .6 (t3).
  EXPECT_EQ(kept_of(four_tokens(), DropRule::expert_weight, 2), (std::vector<Index>{0, 2, 3, 4, 6}));
  EXPECT_EQ(kept_of(four_tokens(), DropRule::expert_weight, 1), (std::vector<Index>{0, 3, 4}));
  EXPECT_EQ(kept_of(four_tokens(), DropRule::expert_weight, 3), (std::vector<Index>{0, 2, 3, 4, 5, 6, 7}));
}

TEST(ClaimOrder, TiesGoToTheLowestToken) {
  const Assignments equal = routing_of(1, {{{0, 1, 1}}, {{0, 1, 1}}, {{0, 1, 1}}});
  for (const DropRule rule : {DropRule::position_token_major, DropRule::position_k_major,
                              DropRule::batch_prioritised, DropRule::expert_weight}) {
    EXPECT_EQ(kept_of(equal, rule, 2), (std::vector<Index>{0, 1}));
  }
}

TEST(ClaimOrder, TokensWithoutOrWithDifferentNumbersOfChoicesAreOrdinary) {
  const Assignments ragged = routing_of(3, {{}, {{0, 1, .2F}, {1, 1, .1F}, {2, 1, .1F}}, {}, {{2, 1, .9F}}});
  EXPECT_EQ(order_of(ragged, DropRule::position_k_major), (std::vector<Index>{0, 3, 1, 2}));
  EXPECT_EQ(order_of(ragged, DropRule::batch_prioritised), (std::vector<Index>{3, 0, 1, 2}));
  EXPECT_EQ(kept_of(ragged, DropRule::position_token_major, 1), (std::vector<Index>{0, 1, 2}));
  EXPECT_EQ(kept_of(ragged, DropRule::position_k_major, 1), (std::vector<Index>{0, 1, 3}));
}

TEST(ClaimOrder, NoTokensMakeNoClaims) {
  for (const DropRule rule : kRules) {
    EXPECT_TRUE(order_of(test::no_tokens(4), rule).empty());
    EXPECT_TRUE(order_of(routing_of(4, {}), rule).empty());
  }
}

TEST(GrantClaims, CapacityZeroKeepsNothing) {
  for (const DropRule rule : kRules) {
    EXPECT_TRUE(kept_of(four_tokens(), rule, 0).empty());
    EXPECT_EQ(kept_of(four_tokens(), rule, 4).size(), 8U);
  }
}

TEST(RandomDrop, DependsOnSeedLayerAndPlaceInTheStream) {
  const std::vector<std::vector<test::Choice>> token_list(40, {{0, 1, 1}, {1, 1, 1}});
  const Assignments assignments = routing_of(2, token_list);
  const ClaimInput base{.assignments = assignments, .rule = DropRule::random, .seed = 1};
  const std::vector<Index> order = claim_order(base);
  EXPECT_EQ(order, claim_order(base));
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  const ClaimInput other_seed{.assignments = assignments, .rule = DropRule::random, .seed = 2};
  EXPECT_NE(order, claim_order(other_seed));
  const ClaimInput other_layer{.assignments = assignments, .rule = DropRule::random, .seed = 1, .layer = 1};
  EXPECT_NE(order, claim_order(other_layer));
  const ClaimInput other_place{
      .assignments = assignments, .rule = DropRule::random, .seed = 1, .first_token = 40};
  EXPECT_NE(order, claim_order(other_place));
}

TEST(RandomDrop, IsTheSameHoweverTheStreamIsCut) {
  // The second half alone, told where it stands, orders its claims as the whole does.
  const std::vector<std::vector<test::Choice>> tokens(30, {{0, 1, 1}, {1, 1, 1}});
  const Assignments whole = routing_of(2, tokens);
  const Assignments half = routing_of(2, {tokens.begin() + 12, tokens.end()});
  std::vector<Index> of_whole =
      claim_order({.assignments = whole, .rule = DropRule::random, .seed = 5, .first_token = 100});
  std::erase_if(of_whole, [](Index a) { return a < 24; });
  std::vector<Index> of_half =
      claim_order({.assignments = half, .rule = DropRule::random, .seed = 5, .first_token = 112});
  for (Index& a : of_half) {
    a += 24;
  }
  EXPECT_EQ(of_half, of_whole);
}

TEST(RandomDrop, FavoursNoPosition) {
  // 20 tokens ask for one expert with room for 5: each is kept a quarter of the time.
  const Assignments assignments = routing_of(1, std::vector<std::vector<test::Choice>>(20, {{0, 1, 1}}));
  std::vector<int> kept(20);
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const auto reasons = grant_claims(
        assignments, claim_order({.assignments = assignments, .rule = DropRule::random, .seed = seed}), 5);
    for (std::size_t t = 0; t < kept.size(); ++t) {
      kept[t] += reasons[t] == DropReason::kept ? 1 : 0;
    }
  }
  for (const int count : kept) {
    EXPECT_NEAR(count, 500, 80);  // four standard deviations
  }
}

}  // namespace
}  // namespace moesim
