// Each rule by hand. All rules on random routings: oracle_test.cpp.

#include "dispatch/drop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "routings.h"

namespace moesim {
namespace {

using test::routing_of;

constexpr DropRule kRules[] = {DropRule::position_token_major, DropRule::position_k_major,
                               DropRule::batch_prioritised, DropRule::expert_weight, DropRule::random};

std::vector<Index> order_of(const Assignments& assignments, DropRule rule) {
  const CapacityRule capacity{.drop = rule};
  return claim_order({.assignments = assignments, .rule = capacity},
                     {.first = 0, .last = assignments.num_tokens()});
}

DispatchPlan plan_of(const Assignments& assignments, DropRule rule, Index capacity) {
  const CapacityRule limit{.factor = 0.0, .min = capacity, .drop = rule};
  return make_plan({.assignments = assignments, .rule = &limit});
}

std::vector<Index> kept_of(const Assignments& assignments, DropRule rule, Index capacity) {
  const DispatchPlan plan = plan_of(assignments, rule, capacity);
  std::vector<Index> kept;
  for (Index a = 0; a < plan.num_assignments(); ++a) {
    if (plan.assignment_row[a] >= 0) {
      kept.push_back(a);
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
  for (const DropRule rule : {DropRule::position_k_major, DropRule::recycle, DropRule::ntlb}) {
    EXPECT_EQ(order_of(four_tokens(), rule), (std::vector<Index>{0, 2, 4, 6, 1, 3, 5, 7}));
  }
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
  for (const DropRule rule :
       {DropRule::position_token_major, DropRule::position_k_major, DropRule::batch_prioritised,
        DropRule::expert_weight, DropRule::deepspeed_probs}) {
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
  for (const DropRuleInfo& info : drop_rules()) {
    EXPECT_TRUE(order_of(test::no_tokens(4), info.rule).empty()) << info.name;
    EXPECT_TRUE(order_of(routing_of(4, {}), info.rule).empty()) << info.name;
  }
}

TEST(DropRules, CapacityZeroKeepsNothing) {
  for (const DropRule rule : kRules) {
    EXPECT_TRUE(kept_of(four_tokens(), rule, 0).empty());
    EXPECT_EQ(kept_of(four_tokens(), rule, 4).size(), 8U);
  }
}

TEST(DropRules, AllHaveSummariesAndSources) {
  std::set<std::string_view> names;
  for (const DropRuleInfo& info : drop_rules()) {
    EXPECT_EQ(enum_text(info.rule), info.name);
    EXPECT_FALSE(info.summary.empty()) << info.name;
    EXPECT_FALSE(info.origin.empty()) << info.name;
    names.insert(info.name);
  }
  EXPECT_EQ(names.size(), 9u);
}

DropInput random_drop(const Assignments& assignments, const CapacityRule& rule, std::uint64_t seed) {
  return {.assignments = assignments, .rule = rule, .seed = seed};
}

TEST(RandomDrop, DependsOnSeedLayerAndPlaceInTheStream) {
  const std::vector<std::vector<test::Choice>> token_list(40, {{0, 1, 1}, {1, 1, 1}});
  const Assignments assignments = routing_of(2, token_list);
  const CapacityRule rule{.drop = DropRule::random};
  const ClaimGroup all{.first = 0, .last = 40};
  DropInput input = random_drop(assignments, rule, 1);
  const std::vector<Index> order = claim_order(input, all);
  EXPECT_EQ(order, claim_order(input, all));
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  EXPECT_NE(order, claim_order(random_drop(assignments, rule, 2), all));
  input.layer = 1;
  EXPECT_NE(order, claim_order(input, all));
  input.layer = 0;
  input.first_token = 40;
  EXPECT_NE(order, claim_order(input, all));
}

TEST(RandomDrop, IsTheSameHoweverTheStreamIsCut) {
  // The second half alone, told where it stands, orders its claims as the whole does.
  const std::vector<std::vector<test::Choice>> tokens(30, {{0, 1, 1}, {1, 1, 1}});
  const Assignments whole = routing_of(2, tokens);
  const Assignments half = routing_of(2, {tokens.begin() + 12, tokens.end()});
  const CapacityRule rule{.drop = DropRule::random};
  DropInput of_all = random_drop(whole, rule, 5);
  of_all.first_token = 100;
  std::vector<Index> of_whole = claim_order(of_all, {.first = 0, .last = 30});
  std::erase_if(of_whole, [](Index a) { return a < 24; });
  DropInput part = random_drop(half, rule, 5);
  part.first_token = 112;
  std::vector<Index> of_half = claim_order(part, {.first = 0, .last = 18});
  for (Index& a : of_half) {
    a += 24;
  }
  EXPECT_EQ(of_half, of_whole);
}

TEST(RandomDrop, FavoursNoPosition) {
  // 20 tokens ask for one expert with room for 5: each is kept a quarter of the time.
  const Assignments assignments = routing_of(1, std::vector<std::vector<test::Choice>>(20, {{0, 1, 1}}));
  const CapacityRule rule{.factor = 0.0, .min = 5, .drop = DropRule::random};
  std::vector<int> kept(20);
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const DispatchPlan plan = make_plan({.assignments = assignments, .rule = &rule, .seed = seed});
    for (std::size_t t = 0; t < kept.size(); ++t) {
      kept[t] += plan.assignment_row[t] >= 0 ? 1 : 0;
    }
  }
  for (const int count : kept) {
    EXPECT_NEAR(count, 500, 80);  // four standard deviations
  }
}

TEST(DeepspeedProbs, RanksProbabilitiesLikeExpertWeightRanksWeights) {
  // Weights are renormalised, scores are not: the ranks differ. Expert 0: .3 (t0), .4 (t1), .2 (t2).
  const Assignments assignments =
      routing_of(2, {{{0, .9F, .3F}}, {{0, .5F, .4F}, {1, .5F, .4F}}, {{0, .95F, .2F}}});
  EXPECT_EQ(kept_of(assignments, DropRule::deepspeed_probs, 1), (std::vector<Index>{1, 2}));
  EXPECT_EQ(kept_of(assignments, DropRule::expert_weight, 1), (std::vector<Index>{2, 3}));
}

TEST(DeepspeedProbs, ScoresBelowZeroLoseAgainstTokensThatDidNotAsk) {
  // The raw logits of DeepSpeed until 0.18.9: 8 tokens, room for 4, two ask with −0.1 and −0.2: both are
  // lost.
  std::vector<std::vector<test::Choice>> tokens(8);
  tokens[2] = {{0, .5F, -.1F}};
  tokens[5] = {{0, .5F, -.2F}};
  for (const auto& [capacity, kept] :
       std::vector<std::pair<Index, std::vector<Index>>>{{4, {}}, {6, {}}, {7, {0}}, {8, {0, 1}}}) {
    const DispatchPlan plan = plan_of(routing_of(1, tokens), DropRule::deepspeed_probs, capacity);
    EXPECT_EQ(plan.num_rows(), std::ssize(kept)) << capacity;
    if (capacity < 7) {
      EXPECT_EQ(plan.drop_reason, (std::vector<DropReason>(2, DropReason::outranked)));
    }
  }
}

TEST(DeepspeedProbs, AScoreOfZeroIsNoBetterThanNotAsking) {
  // Expert 0: t1 asks with 0, t3 with .5, t4 with 0. The column is 0 0 0 .5 0: best t3, then t0, t1, t2, t4.
  const Assignments assignments =
      routing_of(2, {{{1, 1, 1}}, {{0, 1, 0}}, {{1, 1, 1}}, {{0, 1, .5F}}, {{0, 1, 0}}});
  const auto kept = [&](Index capacity) { return kept_of(assignments, DropRule::deepspeed_probs, capacity); };
  EXPECT_EQ(kept(1), (std::vector<Index>{0, 3}));
  EXPECT_EQ(kept(2), (std::vector<Index>{0, 2, 3}));
  EXPECT_EQ(kept(3), (std::vector<Index>{0, 1, 2, 3}));
  EXPECT_EQ(kept(4), (std::vector<Index>{0, 1, 2, 3}));
  EXPECT_EQ(kept(5), (std::vector<Index>{0, 1, 2, 3, 4}));
}

CapacityRule by_device(std::int64_t devices, Index budget, double exempt = 0.0) {
  return {.factor = 0.0,
          .min = budget,
          .drop = DropRule::device_level,
          .devices = devices,
          .exempt = exempt,
          .sequence_tokens = 1};
}

TEST(DeviceLevel, SharesTheRoomOfADevice) {
  // Experts 0 and 1 on one device with room for three rows, asked for with .9 .1 | .5 .5 .2; expert 2 on the
  // other with one.
  const Assignments assignments =
      routing_of(4, {{{0, 1, .9F}, {1, 1, .5F}}, {{1, 1, .5F}, {2, 1, .1F}}, {{0, 1, .1F}}, {{1, 1, .2F}}});
  const CapacityRule rule = by_device(2, 3);
  const DispatchPlan plan = make_plan({.assignments = assignments, .rule = &rule});
  EXPECT_EQ(plan.assignment_row, (std::vector<Index>{0, 1, 2, 3, -1, -1}));
  EXPECT_EQ(plan.room->place_experts, 2);
  EXPECT_EQ(plan.capacity(), Index{3});
}

TEST(DeviceLevel, TakesTheDevicesForTheExpertsOfTheFormula) {
  // The average of a device, factor 1: ceil(6·2/2) = 6 rows.
  const Assignments assignments =
      routing_of(4, std::vector<std::vector<test::Choice>>(6, {{0, 1, .5F}, {1, 1, .4F}}));
  const CapacityRule rule{.factor = 1.0, .drop = DropRule::device_level, .devices = 2, .exempt = 0.0};
  const DispatchPlan plan = make_plan({.assignments = assignments, .rule = &rule, .top_k = 2});
  EXPECT_EQ(plan.capacity(), Index{6});
  EXPECT_EQ(plan.expert_begin, (std::vector<Index>{0, 6, 6, 6, 6}));  // the .5 of all tokens, none of the .4
}

TEST(DeviceLevel, ExemptSequencesLoseNothing) {
  const Assignments assignments = routing_of(2, std::vector<std::vector<test::Choice>>(400, {{0, 1, .5F}}));
  CapacityRule rule = by_device(1, 100, 0.1);
  rule.sequence_tokens = 10;
  const DispatchPlan plan = make_plan({.assignments = assignments, .rule = &rule, .seed = 3});
  EXPECT_EQ(plan.num_rows(), 100);
  std::set<Index> sequences;
  Index exempt = 0;
  for (Index t = 0; t < 400; ++t) {
    if (plan.drop_reason[t] == DropReason::exempt) {
      sequences.insert(t / 10);
      ++exempt;
    }
  }
  EXPECT_EQ(exempt, 10 * std::ssize(sequences));  // whole sequences
  EXPECT_GT(sequences.size(), 0u);
  EXPECT_LT(sequences.size(), 12u);
  // All exempt: the budget gives way.
  const CapacityRule all = by_device(1, 100, 1.0);
  EXPECT_EQ(make_plan({.assignments = assignments, .rule = &all}).num_rows(), 400);
  // The same sequences in every layer, and however the stream is cut.
  const DispatchPlan deeper = make_plan({.assignments = assignments, .rule = &rule, .seed = 3, .layer = 5});
  EXPECT_EQ(deeper.drop_reason, plan.drop_reason);
}

TEST(Recycle, FillsFreeRowsEquallyOften) {
  // Ten tokens ask for expert 0 of three; two rows each: 2 kept, 4 re-routed, 2 to each other expert; the
  // first refused token goes to either half of the time.
  const Assignments assignments = routing_of(3, std::vector<std::vector<test::Choice>>(10, {{0, 1, 1}}));
  const CapacityRule rule{.factor = 0.0, .min = 2, .drop = DropRule::recycle};
  int to_first = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const DispatchPlan plan = make_plan({.assignments = assignments, .rule = &rule, .seed = seed});
    ASSERT_EQ(plan.expert_begin, (std::vector<Index>{0, 2, 4, 6}));
    ASSERT_EQ(std::count(plan.drop_reason.begin(), plan.drop_reason.end(), DropReason::rerouted), 4);
    ASSERT_EQ(plan.drop_reason[2], DropReason::rerouted);
    to_first += plan.expert_of_row(plan.assignment_row[2]) == 1 ? 1 : 0;
  }
  EXPECT_NEAR(to_first, 1000, 90);  // four standard deviations
}

TEST(Recycle, ATokenHasAtMostOneRowOfAnExpert) {
  // Token 1 chose both experts; expert 1 has room, but the token has it already.
  const Assignments assignments = routing_of(2, {{{0, 1, 1}}, {{0, .6F, .6F}, {1, .4F, .4F}}});
  const DispatchPlan plan = plan_of(assignments, DropRule::recycle, 1);
  EXPECT_EQ(plan.drop_reason,
            (std::vector<DropReason>{DropReason::kept, DropReason::capacity, DropReason::kept}));
}

Matrix logits_of(const std::vector<std::vector<float>>& rows) {
  Matrix logits(static_cast<Index>(rows.size()), rows.empty() ? 0 : static_cast<Index>(rows[0].size()));
  for (std::size_t t = 0; t < rows.size(); ++t) {
    std::copy(rows[t].begin(), rows[t].end(), logits.row(static_cast<Index>(t)).begin());
  }
  return logits;
}

// Top-1 of a softmax of these logits.
Assignments softmax_top_1(const std::vector<std::vector<float>>& logits) {
  std::vector<std::vector<test::Choice>> tokens;
  for (const std::vector<float>& row : logits) {
    const auto best = std::max_element(row.begin(), row.end());
    double sum = 0;
    for (const float z : row) {
      sum += std::exp(static_cast<double>(z));
    }
    const auto p = static_cast<float>(std::exp(static_cast<double>(*best)) / sum);
    tokens.push_back({{static_cast<std::int32_t>(best - row.begin()), p, p}});
  }
  return routing_of(static_cast<Index>(logits[0].size()), tokens);
}

TEST(NoTokenLeftBehind, RefusedTokensAskTheirNextBestExperts) {
  // All prefer expert 0, then 1, then 2, then 3, with room for one each: token t is placed by its (t+1)-th
  // try; four tries are not enough for token 4.
  const std::vector<std::vector<float>> rows(5, {4, 3, 2, 1, 0});
  const Matrix logits = logits_of(rows);
  const Assignments assignments = softmax_top_1(rows);
  const CapacityRule rule{.factor = 0.0, .min = 1, .drop = DropRule::ntlb};
  const DispatchPlan plan = make_plan({.assignments = assignments, .rule = &rule, .logits = logits.view()});
  EXPECT_EQ(plan.row_token, (std::vector<std::int32_t>{0, 1, 2, 3}));
  EXPECT_EQ(plan.expert_begin, (std::vector<Index>{0, 1, 2, 3, 4, 4}));
  EXPECT_EQ(plan.drop_reason[4], DropReason::capacity);
  // The weight is the probability of the expert that took the token.
  double sum = 0;
  for (int z = 0; z < 5; ++z) {
    sum += std::exp(static_cast<double>(z));
  }
  for (int e = 0; e < 4; ++e) {
    EXPECT_NEAR(plan.row_weight[static_cast<std::size_t>(e)], std::exp(4.0 - e) / sum, 1e-7) << e;
  }
  CapacityRule more = rule;
  more.tries = 5;
  EXPECT_EQ(make_plan({.assignments = assignments, .rule = &more, .logits = logits.view()}).num_rows(), 5);
  more.tries = 1;
  EXPECT_EQ(make_plan({.assignments = assignments, .rule = &more, .logits = logits.view()}).num_rows(), 1);
}

TEST(NoTokenLeftBehind, EarlierTriesComeBeforeLaterOnes) {
  // Token 2's second choice is expert 2, token 3's first: the first choice is served first although the token
  // stands behind.
  const std::vector<std::vector<float>> rows = {{3, 0, 1}, {3, 1, 0}, {3, 0, 2}, {0, 1, 3}};
  const Matrix logits = logits_of(rows);
  const CapacityRule rule{.factor = 0.0, .min = 1, .drop = DropRule::ntlb};
  const Assignments assignments = softmax_top_1(rows);
  const DispatchPlan plan = make_plan({.assignments = assignments, .rule = &rule, .logits = logits.view()});
  EXPECT_EQ(plan.row_token, (std::vector<std::int32_t>{0, 1, 3}));
  EXPECT_EQ(plan.drop_reason, (std::vector<DropReason>{DropReason::kept, DropReason::rerouted,
                                                       DropReason::capacity, DropReason::kept}));
}

TEST(NoTokenLeftBehind, NeedsTheLogits) {
  const Assignments assignments = routing_of(2, {{{0, 1, 1}}, {{0, 1, 1}}});
  EXPECT_THROW(plan_of(assignments, DropRule::ntlb, 1), Error);
  EXPECT_EQ(plan_of(test::no_tokens(3), DropRule::ntlb, 1).num_rows(), 0);
}

TEST(Rerouting, WeightsThatWouldOverflowStopAtTheLargestFloat) {
  const Assignments assignments = routing_of(2, {{{0, 1, 1}}, {{0, 1, 1}}, {{0, 0, 0}}});
  const Matrix logits = logits_of({{0, 0}, {-300, 300}, {-300, 300}});
  const CapacityRule rule{.factor = 0.0, .min = 1, .drop = DropRule::ntlb};
  const DispatchPlan plan = make_plan({.assignments = assignments, .rule = &rule, .logits = logits.view()});
  EXPECT_EQ(plan.row_weight, (std::vector<float>{1, std::numeric_limits<float>::max()}));
}

}  // namespace
}  // namespace moesim
