#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "dispatch/plan.h"
#include "routings.h"

namespace moesim {
namespace {

using test::draw_routing;
using test::routing_of;

// Those that drop only where an expert is full, and send nobody elsewhere.
constexpr DropRule kRules[] = {DropRule::position_token_major, DropRule::position_k_major,
                               DropRule::batch_prioritised, DropRule::expert_weight, DropRule::random};

// A rule with exactly this capacity.
CapacityRule exactly(Index capacity, DropRule drop = DropRule::position_token_major,
                     Renormalise renorm = Renormalise::none) {
  return {.factor = 0.0, .min = capacity, .drop = drop, .renorm = renorm};
}

std::vector<bool> kept_of(const DispatchPlan& plan) {
  std::vector<bool> kept;
  for (const DropReason reason : plan.drop_reason) {
    kept.push_back(reason == DropReason::kept);
  }
  return kept;
}

TEST(MakePlan, DroplessPlanByHand) {
  const Assignments assignments =
      routing_of(4, {{{2, .75F, 1}, {0, .25F, 1}}, {}, {{2, .5F, 1}}, {{0, 1.F, 1}, {2, 0.F, 1}}});
  const DispatchPlan plan = make_plan({.assignments = assignments});
  EXPECT_EQ(plan.expert_begin, (std::vector<Index>{0, 2, 2, 5, 5}));
  EXPECT_EQ(plan.row_token, (std::vector<std::int32_t>{0, 3, 0, 2, 3}));
  EXPECT_EQ(plan.row_weight, (std::vector<float>{.25F, 1.F, .75F, .5F, 0.F}));
  EXPECT_EQ(plan.token_begin, (std::vector<Index>{0, 2, 2, 3, 5}));
  EXPECT_EQ(plan.assignment_row, (std::vector<Index>{2, 0, 3, 1, 4}));
  EXPECT_EQ(plan.weight_on, WeightOn::output);
  EXPECT_FALSE(plan.capacity().has_value());
  EXPECT_EQ(plan.num_tokens(), 4);
  EXPECT_EQ(plan.num_experts(), 4);
  EXPECT_EQ(plan.num_rows(), 5);
  EXPECT_EQ(plan.num_assignments(), 5);
  EXPECT_EQ(plan.tokens_of_first(0), 0);
  EXPECT_EQ(plan.tokens_of_first(2), 2);
  EXPECT_EQ(plan.tokens_of_first(4), 3);
}

TEST(MakePlan, CapacityOneByHand) {
  Assignments assignments = routing_of(2, {{{1, .5F, 1}}, {{1, .5F, 1}, {0, .25F, 1}}, {{0, .5F, 1}}});
  assignments.weight_on = WeightOn::input;
  const CapacityRule rule = exactly(1);
  const DispatchPlan plan = make_plan({.assignments = assignments, .rule = &rule});
  EXPECT_EQ(plan.expert_begin, (std::vector<Index>{0, 1, 2}));
  EXPECT_EQ(plan.row_token, (std::vector<std::int32_t>{1, 0}));
  EXPECT_EQ(plan.assignment_row, (std::vector<Index>{1, -1, 0, -1}));
  EXPECT_EQ(plan.drop_reason, (std::vector<DropReason>{DropReason::kept, DropReason::capacity,
                                                       DropReason::kept, DropReason::capacity}));
  EXPECT_EQ(plan.capacity(), Index{1});
  EXPECT_EQ(plan.weight_on, WeightOn::input);
}

TEST(MakePlan, TakesTheCapacityOfTheRule) {
  const Assignments assignments = routing_of(4, std::vector<std::vector<test::Choice>>(10, {{0, 1, 1}}));
  const CapacityRule rule{.factor = 1.25};
  EXPECT_EQ(make_plan({.assignments = assignments, .rule = &rule, .top_k = 1}).capacity(), Index{4});
  EXPECT_EQ(make_plan({.assignments = assignments, .rule = &rule, .top_k = 2}).capacity(), Index{7});
}

TEST(MakePlan, NoTokensAndNoAssignmentsAreOrdinary) {
  const CapacityRule rule;
  for (const CapacityRule* capacity : {static_cast<const CapacityRule*>(nullptr), &rule}) {
    const Assignments none = test::no_tokens(3);
    const DispatchPlan plan = make_plan({.assignments = none, .rule = capacity});
    EXPECT_EQ(plan.num_tokens(), 0);
    EXPECT_EQ(plan.expert_begin, (std::vector<Index>{0, 0, 0, 0}));
    const Assignments idle = routing_of(3, {{}, {}});
    EXPECT_EQ(make_plan({.assignments = idle, .rule = capacity}).token_begin, (std::vector<Index>{0, 0, 0}));
  }
}

TEST(MakePlan, RefusesAssignmentsThatBreakTheirContract) {
  const auto message = [](const Assignments& assignments) -> std::string {
    try {
      make_plan({.assignments = assignments});
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::internal);
      return error.what();
    }
    return "no error";
  };
  const Assignments good = routing_of(2, {{{1, 1, 1}}, {{0, 1, 1}}});
  EXPECT_EQ(message(good), "no error");
  Assignments bad = good;
  bad.expert[0] = 2;
  EXPECT_THAT(message(bad), testing::HasSubstr("an assignment to an expert that does not exist"));
  bad = good;
  bad.expert[1] = -1;
  EXPECT_THAT(message(bad), testing::HasSubstr("an assignment to an expert that does not exist"));
  bad = good;
  bad.weight.pop_back();
  EXPECT_THAT(message(bad), testing::HasSubstr("assignments whose arrays differ in length"));
  bad = good;
  bad.begin.back() = 1;
  EXPECT_THAT(message(bad), testing::HasSubstr("assignments that do not belong to tokens"));
  bad = good;
  bad.begin = {0, 3, 2};
  EXPECT_THAT(message(bad), testing::HasSubstr("a token with a negative number of assignments"));
  bad = good;
  bad.begin.clear();
  EXPECT_THAT(message(bad), testing::HasSubstr("assignments that do not belong to tokens"));
}

Assignments any_routing() {
  RandomSequence random({.seed = *rc::gen::arbitrary<std::uint64_t>(), .stream = Stream::test}, 0);
  const Index experts = *rc::gen::inRange<Index>(1, 20);
  return draw_routing(
      {.num_tokens = *rc::gen::inRange<Index>(0, 60), .num_experts = experts, .max_k = experts}, random);
}

RC_GTEST_PROP(DispatchPlan, ConservesAssignments, ()) {
  const Assignments assignments = any_routing();
  const Index capacity = *rc::gen::inRange<Index>(0, 20);
  const CapacityRule rule =
      exactly(capacity, *rc::gen::elementOf(std::vector<DropRule>(std::begin(kRules), std::end(kRules))));
  const DispatchPlan plan = make_plan({.assignments = assignments, .rule = &rule});

  const auto dropped = std::count(plan.drop_reason.begin(), plan.drop_reason.end(), DropReason::capacity);
  RC_ASSERT(plan.num_rows() + dropped == assignments.size());
  std::vector<Index> rows;
  std::copy_if(plan.assignment_row.begin(), plan.assignment_row.end(), std::back_inserter(rows),
               [](Index row) { return row >= 0; });
  std::sort(rows.begin(), rows.end());
  std::vector<Index> every_row(static_cast<std::size_t>(plan.num_rows()));
  std::iota(every_row.begin(), every_row.end(), Index{0});
  RC_ASSERT(rows == every_row);

  for (Index e = 0; e < assignments.num_experts; ++e) {
    const auto begin = plan.row_token.begin() + plan.expert_begin[e];
    const auto end = plan.row_token.begin() + plan.expert_begin[e + 1];
    RC_ASSERT(std::adjacent_find(begin, end, std::greater_equal<>()) == end);
    // Nobody is sent away while there is room.
    const auto routed = std::count(assignments.expert.begin(), assignments.expert.end(), e);
    RC_ASSERT(end - begin == std::min<std::ptrdiff_t>(routed, capacity));
  }
  for (Index t = 0; t < plan.num_tokens(); ++t) {
    for (Index a = plan.token_begin[t]; a < plan.token_begin[t + 1]; ++a) {
      const Index row = plan.assignment_row[a];
      if (row >= 0) {
        RC_ASSERT(plan.row_token[row] == t);
        RC_ASSERT(plan.row_weight[row] == assignments.weight[a]);
      }
    }
  }
}

RC_GTEST_PROP(DispatchPlan, MoreRoomNeverDropsWhatWasKept, ()) {
  const Assignments assignments = any_routing();
  const auto drop = *rc::gen::elementOf(std::vector<DropRule>(std::begin(kRules), std::end(kRules)));
  std::vector<bool> before(static_cast<std::size_t>(assignments.size()));
  for (Index capacity = 0; capacity < 12; ++capacity) {
    const CapacityRule rule = exactly(capacity, drop);
    const std::vector<bool> kept = kept_of(make_plan({.assignments = assignments, .rule = &rule}));
    for (std::size_t a = 0; a < kept.size(); ++a) {
      RC_ASSERT(kept[a] || !before[a]);
    }
    before = kept;
  }
}

RC_GTEST_PROP(DispatchPlan, EnoughRoomIsAsDropless, ()) {
  const Assignments assignments = any_routing();
  const CapacityRule rule = exactly(assignments.num_tokens(), DropRule::random);
  const DispatchPlan roomy = make_plan({.assignments = assignments, .rule = &rule});
  const DispatchPlan dropless = make_plan({.assignments = assignments});
  RC_ASSERT(roomy.row_token == dropless.row_token);
  RC_ASSERT(roomy.assignment_row == dropless.assignment_row);
  RC_ASSERT(roomy.expert_begin == dropless.expert_begin);
}

RC_GTEST_PROP(Rerouting, KeepsWhatTheClaimsKeepAndFillsTheRest, ()) {
  const Assignments assignments = any_routing();
  const Index tokens = assignments.num_tokens();
  Matrix logits(tokens, assignments.num_experts);
  for (Index t = 0; t < tokens; ++t) {
    for (float& z : logits.row(t)) {
      z = static_cast<float>(*rc::gen::inRange(-3, 4));
    }
  }
  CapacityRule rule = exactly(*rc::gen::inRange<Index>(0, 20), DropRule::position_k_major);
  const DispatchPlan base = make_plan({.assignments = assignments, .rule = &rule});
  rule.drop = *rc::gen::element(DropRule::recycle, DropRule::ntlb);
  rule.tries = 1000;
  const DispatchPlan plan = make_plan({.assignments = assignments, .rule = &rule, .logits = logits.view()});
  for (Index a = 0; a < assignments.size(); ++a) {
    RC_ASSERT((plan.drop_reason[a] == DropReason::kept) == (base.drop_reason[a] == DropReason::kept));
  }
  // Whoever is dropped all the same finds every expert full or among its own.
  for (Index t = 0; t < tokens; ++t) {
    std::vector<bool> own(static_cast<std::size_t>(assignments.num_experts));
    bool dropped = false;
    for (Index a = plan.token_begin[t]; a < plan.token_begin[t + 1]; ++a) {
      const Index row = plan.assignment_row[a];
      own[assignments.expert[a]] = true;
      own[row < 0 ? assignments.expert[a] : plan.expert_of_row(row)] = true;
      dropped = dropped || row < 0;
    }
    for (Index e = 0; dropped && e < assignments.num_experts; ++e) {
      RC_ASSERT(own[e] || plan.expert_begin[e + 1] - plan.expert_begin[e] == *plan.capacity());
    }
  }
}

TEST(Renormalise, DividesSurvivingWeightsByTheirSum) {
  // Expert 0 has room for token 0 alone.
  const Assignments assignments =
      routing_of(3, {{{0, .5F, 1}}, {{1, .5F, 1}, {0, .3F, 1}, {2, .2F, 1}}, {{2, .125F, 1}}, {{0, .9F, 1}}});
  const CapacityRule rule{.factor = 0.75, .drop = DropRule::position_token_major};  // ceil(4/3·0.75) = 1
  const CapacityRule two = exactly(2, DropRule::position_token_major, Renormalise::after_drop);
  CapacityRule one = rule;
  one.renorm = Renormalise::after_drop;
  const DispatchPlan plan = make_plan({.assignments = assignments, .rule = &one});
  ASSERT_EQ(plan.capacity(), Index{1});
  ASSERT_EQ(plan.assignment_row, (std::vector<Index>{0, 1, -1, 2, -1, -1}));
  const double sum = static_cast<double>(.5F) + static_cast<double>(.2F);
  EXPECT_EQ(plan.row_weight,
            (std::vector<float>{1.0F, static_cast<float>(.5F / sum), static_cast<float>(.2F / sum)}));
  // A token that lost nothing is normalised too.
  const DispatchPlan roomy = make_plan({.assignments = assignments, .rule = &two});
  EXPECT_EQ(roomy.row_weight[static_cast<std::size_t>(roomy.assignment_row[4])], 1.0F);
}

TEST(Renormalise, LeavesSumsThatAreNotPositive) {
  const Assignments assignments =
      routing_of(2, {{{0, 0.F, 1}, {1, 0.F, 1}}, {{0, -.5F, 1}, {1, .25F, 1}}, {{0, -.25F, 1}, {1, .5F, 1}}});
  const CapacityRule rule = exactly(9, DropRule::position_token_major, Renormalise::after_drop);
  const DispatchPlan plan = make_plan({.assignments = assignments, .rule = &rule});
  EXPECT_EQ(plan.row_weight, (std::vector<float>{0.F, -.5F, -1.F, 0.F, .25F, 2.F}));
}

RC_GTEST_PROP(Renormalise, MakesSurvivingWeightsSumToOne, ()) {
  const Assignments assignments = any_routing();
  const CapacityRule rule =
      exactly(*rc::gen::inRange<Index>(0, 10), DropRule::position_k_major, Renormalise::after_drop);
  const DispatchPlan plan = make_plan({.assignments = assignments, .rule = &rule});
  for (Index t = 0; t < plan.num_tokens(); ++t) {
    double sum = 0;
    for (Index a = plan.token_begin[t]; a < plan.token_begin[t + 1]; ++a) {
      const Index row = plan.assignment_row[a];
      sum += row >= 0 ? static_cast<double>(plan.row_weight[row]) : 0.0;
    }
    RC_ASSERT(sum == 0.0 || std::abs(sum - 1.0) < 1e-5);
  }
}

TEST(Groups, HaveRoomAndClaimsOfTheirOwn) {
  // Seven tokens ask for expert 0; groups of 3, 3 and 1 token with room for ceil(3/2·1) = 2, 2 and 1.
  const Assignments assignments = routing_of(2, std::vector<std::vector<test::Choice>>(7, {{0, 1, 1}}));
  const CapacityRule rule{.factor = 1.0, .group = 3};
  const DispatchPlan plan = make_plan({.assignments = assignments, .rule = &rule});
  EXPECT_EQ(kept_of(plan), (std::vector<bool>{true, true, false, true, true, false, true}));
  EXPECT_EQ(plan.room->capacity, (std::vector<Index>{2, 2, 1}));
  EXPECT_EQ(plan.room->group_tokens, 3);
  EXPECT_EQ(plan.capacity(), Index{2});
  EXPECT_EQ(plan.row_token, (std::vector<std::int32_t>{0, 1, 3, 4, 6}));
}

TEST(Groups, OfTheBatchOrMoreAreTheBatch) {
  const Assignments assignments = routing_of(2, std::vector<std::vector<test::Choice>>(7, {{0, 1, 1}}));
  const CapacityRule whole{.factor = 1.0};
  for (const std::int64_t group : {7, 8, 1 << 20}) {
    const CapacityRule rule{.factor = 1.0, .group = group};
    const DispatchPlan plan = make_plan({.assignments = assignments, .rule = &rule});
    EXPECT_EQ(plan.assignment_row, make_plan({.assignments = assignments, .rule = &whole}).assignment_row);
    EXPECT_EQ(plan.room->group_tokens, 7);
  }
}

RC_GTEST_PROP(Groups, AreAsBatchesOfTheirOwn, ()) {
  RandomSequence random({.seed = *rc::gen::arbitrary<std::uint64_t>(), .stream = Stream::test}, 0);
  const Index experts = *rc::gen::inRange<Index>(1, 8);
  const Index tokens = *rc::gen::inRange<Index>(1, 40);
  std::vector<std::vector<test::Choice>> list;
  for (Index t = 0; t < tokens; ++t) {
    const Assignments one = draw_routing({.num_tokens = 1, .num_experts = experts, .max_k = experts}, random);
    std::vector<test::Choice> choices;
    for (Index a = 0; a < one.size(); ++a) {
      choices.push_back({one.expert[a], one.weight[a], one.score[a]});
    }
    list.push_back(choices);
  }
  CapacityRule rule =
      exactly(*rc::gen::inRange<Index>(0, 6),
              *rc::gen::elementOf(std::vector<DropRule>(std::begin(kRules), std::end(kRules))));
  rule.group = *rc::gen::inRange<Index>(1, 45);
  const Assignments whole = routing_of(experts, list);
  const std::vector<bool> kept =
      kept_of(make_plan({.assignments = whole, .rule = &rule, .first_token = 100}));
  std::vector<bool> piecewise;
  for (Index first = 0; first < tokens; first += rule.group) {
    const Index last = std::min(tokens, first + rule.group);
    CapacityRule alone = rule;
    alone.group = 0;
    const Assignments part = routing_of(experts, {list.begin() + first, list.begin() + last});
    const std::vector<bool> of_part = kept_of(make_plan(
        {.assignments = part, .rule = &alone, .first_token = 100 + static_cast<std::uint64_t>(first)}));
    piecewise.insert(piecewise.end(), of_part.begin(), of_part.end());
  }
  RC_ASSERT(kept == piecewise);
}

TEST(Renormalise, DividesByTheLeastDivisorWhereTheSumIsSmaller) {
  // DeepSpeed, fairscale and NLLB clamp the sum to the epsilon of float32.
  constexpr double kEps = 1.1920928955078125e-07;
  const Assignments tiny = routing_of(2, {{{0, 1e-8F, 1}, {1, 1e-8F, 1}}, {{0, .25F, 1}, {1, .25F, 1}}});
  CapacityRule rule = exactly(9, DropRule::position_k_major, Renormalise::after_drop);
  rule.renorm_eps = kEps;
  const DispatchPlan clamped = make_plan({.assignments = tiny, .rule = &rule});
  const auto small = static_cast<float>(static_cast<double>(1e-8F) / kEps);
  EXPECT_EQ(clamped.row_weight, (std::vector<float>{small, .5F, small, .5F}));
  rule.renorm_eps = 0;  // lingvo
  EXPECT_EQ(make_plan({.assignments = tiny, .rule = &rule}).row_weight,
            (std::vector<float>{.5F, .5F, .5F, .5F}));
}

TEST(IdentityPlan, SendsEveryTokenToTheOneExpert) {
  const DispatchPlan plan = make_identity_plan(3);
  EXPECT_EQ(plan.expert_begin, (std::vector<Index>{0, 3}));
  EXPECT_EQ(plan.row_token, (std::vector<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(plan.row_weight, (std::vector<float>{1, 1, 1}));
  EXPECT_EQ(plan.weight_on, WeightOn::output);
  EXPECT_EQ(plan.assignment_row, (std::vector<Index>{0, 1, 2}));
  EXPECT_FALSE(plan.capacity().has_value());
  const Assignments same = routing_of(1, {{{0, 1, 1}}, {{0, 1, 1}}, {{0, 1, 1}}});
  EXPECT_NO_THROW(check_plan(plan, same));
  EXPECT_EQ(make_identity_plan(0).num_tokens(), 0);
  EXPECT_THROW(make_identity_plan(-1), Error);
}

}  // namespace
}  // namespace moesim
