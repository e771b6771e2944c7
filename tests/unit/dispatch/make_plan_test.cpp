#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "dispatch/plan.h"
#include "routings.h"

namespace moesim {
namespace {

using test::draw_routing;
using test::routing_of;

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
  EXPECT_FALSE(plan.capacity.has_value());
  EXPECT_EQ(plan.num_tokens(), 4);
  EXPECT_EQ(plan.num_experts(), 4);
  EXPECT_EQ(plan.num_rows(), 5);
  EXPECT_EQ(plan.num_assignments(), 5);
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
  EXPECT_EQ(plan.capacity, Index{1});
  EXPECT_EQ(plan.weight_on, WeightOn::input);
}

TEST(MakePlan, TakesTheCapacityOfTheRule) {
  const Assignments assignments = routing_of(4, std::vector<std::vector<test::Choice>>(10, {{0, 1, 1}}));
  const CapacityRule rule{.factor = 1.25};
  EXPECT_EQ(make_plan({.assignments = assignments, .rule = &rule, .top_k = 1}).capacity, Index{4});
  EXPECT_EQ(make_plan({.assignments = assignments, .rule = &rule, .top_k = 2}).capacity, Index{7});
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

// Who precedes whom, rule by rule, one pair at a time: smaller keys claim first.
using ClaimKey = std::tuple<double, double, Index, Index>;

struct NaiveClaim {
  const PlanInput& input;
  Index token, choice, assignment;
};

ClaimKey naive_key(const NaiveClaim& claim) {
  const Assignments& assignments = claim.input.assignments;
  const auto choice = static_cast<double>(claim.choice);
  const auto first = assignments.score.begin() + assignments.begin[claim.token];
  const auto last = assignments.score.begin() + assignments.begin[claim.token + 1];
  switch (claim.input.rule->drop) {
    case DropRule::position_token_major:
      return {0.0, 0.0, claim.token, claim.choice};
    case DropRule::position_k_major:
      return {choice, 0.0, claim.token, 0};
    case DropRule::batch_prioritised:
      return {choice, -*std::max_element(first, last), claim.token, 0};
    case DropRule::expert_weight:
      return {-assignments.weight[claim.assignment], 0.0, claim.token, claim.choice};
    case DropRule::random: {
      const auto bits =
          random_bits({.seed = claim.input.seed, .stream = Stream::drop_rule, .layer = claim.input.layer},
                      claim.input.first_token + static_cast<std::uint64_t>(claim.token),
                      static_cast<std::uint32_t>(claim.choice));
      return {-static_cast<double>(bits[0]), -static_cast<double>(bits[1]), claim.token, claim.choice};
    }
  }
  return {};
}

// Kept: fewer than `capacity` claims on the same expert come before.
std::vector<bool> naive_kept(const PlanInput& input, Index capacity) {
  const Assignments& assignments = input.assignments;
  std::vector<ClaimKey> keys;
  for (Index t = 0; t < assignments.num_tokens(); ++t) {
    for (Index a = assignments.begin[t]; a < assignments.begin[t + 1]; ++a) {
      keys.push_back(naive_key({input, t, a - assignments.begin[t], a}));
    }
  }
  std::vector<bool> kept(keys.size());
  for (std::size_t a = 0; a < keys.size(); ++a) {
    Index before = 0;
    for (std::size_t b = 0; b < keys.size(); ++b) {
      before += assignments.expert[a] == assignments.expert[b] && keys[b] < keys[a] ? 1 : 0;
    }
    kept[a] = before < capacity;
  }
  return kept;
}

TEST(MakePlan, AgreesWithANaiveOneOnTwoThousandRandomRoutings) {
  int dropped = 0;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    RandomSequence random({.seed = 11, .stream = Stream::test}, i);
    const Index experts = 1 + random.next_below(6);
    const Assignments assignments =
        draw_routing({.num_tokens = random.next_below(13), .num_experts = experts, .max_k = experts}, random);
    const Index capacity = random.next_below(5);
    const CapacityRule rule = exactly(capacity, kRules[random.next_below(5)]);
    const PlanInput input{.assignments = assignments,
                          .rule = &rule,
                          .seed = i,
                          .first_token = random.next_below(1000),
                          .layer = random.next_below(4)};
    const DispatchPlan plan = make_plan(input);
    ASSERT_EQ(plan.capacity, capacity);
    ASSERT_EQ(kept_of(plan), naive_kept(input, capacity)) << "case " << i;
    dropped += static_cast<int>(plan.num_assignments() - plan.num_rows());
    ASSERT_NO_THROW(check_plan(plan, assignments)) << "case " << i;
  }
  EXPECT_GT(dropped, 5000);  // the comparison saw many drops
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

TEST(Renormalise, DividesSurvivingWeightsByTheirSum) {
  // Expert 0 has room for token 0 alone.
  const Assignments assignments =
      routing_of(3, {{{0, .5F, 1}}, {{1, .5F, 1}, {0, .3F, 1}, {2, .2F, 1}}, {{2, .125F, 1}}, {{0, .9F, 1}}});
  const CapacityRule rule{.factor = 0.75, .drop = DropRule::position_token_major};  // ceil(4/3·0.75) = 1
  const CapacityRule two = exactly(2, DropRule::position_token_major, Renormalise::after_drop);
  CapacityRule one = rule;
  one.renorm = Renormalise::after_drop;
  const DispatchPlan plan = make_plan({.assignments = assignments, .rule = &one});
  ASSERT_EQ(plan.capacity, Index{1});
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

struct UniformCase {
  Index experts, top_k, tokens;
  double share;
};

TEST(DroppedShare, OfAUniformRouterFollowsTheBinomialLaw) {
  // D = E·E[(N − c)+] / (kT), N ~ Bin(T, k/E), c = 1.25·kT/E.
  const UniformCase cases[] = {{64, 1, 512, 0.052261}, {64, 8, 128, 0.018582}};
  constexpr int kDraws = 800;
  for (const UniformCase& c : cases) {
    const CapacityRule rule{.factor = 1.25};
    double sum = 0;
    double squares = 0;
    for (std::uint64_t draw = 0; draw < kDraws; ++draw) {
      RandomSequence random({.seed = 3, .stream = Stream::test}, draw);
      const Assignments assignments = draw_routing(
          {.num_tokens = c.tokens, .num_experts = c.experts, .min_k = c.top_k, .max_k = c.top_k}, random);
      const DispatchPlan plan = make_plan({.assignments = assignments, .rule = &rule, .top_k = c.top_k});
      const double share =
          1.0 - static_cast<double>(plan.num_rows()) / static_cast<double>(plan.num_assignments());
      sum += share;
      squares += share * share;
    }
    const double mean = sum / kDraws;
    const double error = std::sqrt((squares / kDraws - mean * mean) / kDraws);
    EXPECT_LT(error, 0.0005);
    EXPECT_NEAR(mean, c.share, 4 * error) << "E=" << c.experts << " k=" << c.top_k;
  }
}

TEST(IdentityPlan, SendsEveryTokenToTheOneExpert) {
  const DispatchPlan plan = make_identity_plan(3);
  EXPECT_EQ(plan.expert_begin, (std::vector<Index>{0, 3}));
  EXPECT_EQ(plan.row_token, (std::vector<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(plan.row_weight, (std::vector<float>{1, 1, 1}));
  EXPECT_EQ(plan.weight_on, WeightOn::output);
  EXPECT_EQ(plan.assignment_row, (std::vector<Index>{0, 1, 2}));
  EXPECT_FALSE(plan.capacity.has_value());
  const Assignments same = routing_of(1, {{{0, 1, 1}}, {{0, 1, 1}}, {{0, 1, 1}}});
  EXPECT_NO_THROW(check_plan(plan, same));
  EXPECT_EQ(make_identity_plan(0).num_tokens(), 0);
  EXPECT_THROW(make_identity_plan(-1), Error);
}

}  // namespace
}  // namespace moesim
