// Each test plants one corruption into a correct plan and asserts what is said about it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "dispatch/plan.h"
#include "routings.h"

namespace moesim {
namespace {

using testing::HasSubstr;

// Three tokens on two experts with room for two: assignment 4 (token 2 on expert 0) is dropped.
Assignments three_tokens() {
  return test::routing_of(2, {{{0, .75F, 1}, {1, .25F, 1}}, {{0, .5F, 1}, {1, .5F, 1}}, {{0, .5F, 1}}});
}

DispatchPlan plan_of(const Assignments& assignments, Renormalise renorm = Renormalise::none) {
  const CapacityRule rule{.factor = 0.0, .min = 2, .renorm = renorm};
  return make_plan({.assignments = assignments, .rule = &rule});
}

std::string complaint(const std::function<void(DispatchPlan&)>& corrupt) {
  DispatchPlan plan = plan_of(three_tokens());
  corrupt(plan);
  try {
    check_plan(plan, three_tokens());
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::internal);
    return error.what();
  }
  return "no complaint";
}

TEST(CheckPlan, AcceptsWhatMakePlanMakes) {
  EXPECT_EQ(complaint([](DispatchPlan&) {}), "no complaint");
  EXPECT_NO_THROW(check_plan(make_plan({.assignments = three_tokens()}), three_tokens()));
  EXPECT_NO_THROW(check_plan(plan_of(three_tokens(), Renormalise::after_drop), three_tokens()));
}

TEST(CheckPlan, FindsTokensWithOtherAssignments) {
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.token_begin[1] = 1; }),
              HasSubstr("the plan's tokens own other assignments than the router gave them"));
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.token_begin.clear(); }),
              HasSubstr("the plan's tokens own other assignments than the router gave them"));
}

TEST(CheckPlan, FindsMissingAssignments) {
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.assignment_row.pop_back(); }),
              HasSubstr("the plan has another number of assignments than the router"));
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.drop_reason.pop_back(); }),
              HasSubstr("the plan has another number of assignments than the router"));
}

TEST(CheckPlan, FindsRowsWithoutWeights) {
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.row_weight.pop_back(); }),
              HasSubstr("the plan's rows and weights differ in number"));
}

TEST(CheckPlan, FindsAnotherNumberOfExperts) {
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.expert_begin.push_back(4); }),
              HasSubstr("the plan has another number of experts than the router"));
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.expert_begin.clear(); }),
              HasSubstr("the plan has another number of experts than the router"));
}

TEST(CheckPlan, FindsWeightsOnTheWrongSide) {
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.weight_on = WeightOn::input; }),
              HasSubstr("the plan puts the weight elsewhere than the router"));
}

TEST(CheckPlan, FindsOtherSharesThatPassThrough) {
  EXPECT_THAT(complaint([](DispatchPlan& p) {
                p.pass_through = {.5F, .5F, .5F};
              }),
              HasSubstr("the plan lets other shares of the tokens pass through than the router"));
  Assignments assignments = three_tokens();
  assignments.pass_through = {.5F, .25F, 0};
  DispatchPlan plan = plan_of(assignments);
  EXPECT_EQ(plan.pass_through, assignments.pass_through);
  plan.pass_through.clear();
  EXPECT_THROW(check_plan(plan, assignments), Error);
  assignments.pass_through.pop_back();
  EXPECT_THROW(make_plan({.assignments = assignments}), Error);
}

TEST(CheckPlan, FindsImpossibleCapacitiesAndLoads) {
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.room->capacity = {-1}; }),
              HasSubstr("the plan's capacity is negative"));
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.room->capacity = {1}; }),
              HasSubstr("expert 0 holds more than the capacity"));
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.room->capacity = {3}; }),
              HasSubstr("expert 0 dropped an assignment while it had room"));
  EXPECT_THAT(complaint([](DispatchPlan& p) {
                p.expert_begin = {0, 5, 4};
              }),
              HasSubstr("expert 1 has a negative number of rows"));
  EXPECT_THAT(complaint([](DispatchPlan& p) {
                p.expert_begin = {0, -1, 4};
              }),
              HasSubstr("expert 0 has a negative number of rows"));
}

TEST(CheckPlan, FindsExpertsThatDoNotCoverTheRows) {
  EXPECT_THAT(complaint([](DispatchPlan& p) {
                p.expert_begin = {0, 2, 3};
              }),
              HasSubstr("the plan's experts do not cover its rows"));
  EXPECT_THAT(complaint([](DispatchPlan& p) {
                p.expert_begin = {1, 2, 4};
              }),
              HasSubstr("the plan's experts do not cover its rows"));
}

// Random choice with replacement may give a token an expert twice.
TEST(CheckPlan, AcceptsATokenTwiceInOneExpert) {
  const Assignments twice = test::routing_of(
      2, {{{1, .5F, 1}, {1, .5F, 1}}, {{0, .5F, 1}, {1, .5F, 1}}, {{1, .5F, 1}, {1, .5F, 1}}});
  EXPECT_NO_THROW(check_plan(make_plan({.assignments = twice, .top_k = 2}), twice));
  for (const DropRule drop :
       {DropRule::position_token_major, DropRule::position_k_major, DropRule::batch_prioritised,
        DropRule::expert_weight, DropRule::random, DropRule::recycle, DropRule::deepspeed_probs}) {
    const CapacityRule rule{.factor = 0.0, .min = 2, .drop = drop};
    EXPECT_NO_THROW(check_plan(make_plan({.assignments = twice, .rule = &rule, .top_k = 2}), twice))
        << enum_text(drop);
  }
}

TEST(CheckPlan, FindsTokensOutOfOrder) {
  EXPECT_THAT(complaint([](DispatchPlan& p) {
                std::swap(p.row_token[0], p.row_token[1]);
                std::swap(p.assignment_row[0], p.assignment_row[2]);
              }),
              HasSubstr("tokens do not ascend inside expert 0"));
}

TEST(CheckPlan, FindsDropsThatDisagree) {
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.drop_reason[0] = DropReason::capacity; }),
              HasSubstr("assignment 0 is both dropped and placed, or neither"));
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.assignment_row[1] = -1; }),
              HasSubstr("assignment 1 is both dropped and placed, or neither"));
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.assignment_row[4] = -2; }),
              HasSubstr("assignment 4 has a row below -1"));
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.room.reset(); }),
              HasSubstr("assignment 4 is dropped in a plan without a capacity"));
}

TEST(CheckPlan, FindsAssignmentsInWrongRows) {
  EXPECT_THAT(complaint([](DispatchPlan& p) { std::swap(p.assignment_row[0], p.assignment_row[1]); }),
              HasSubstr("assignment 0 stands in a row of another expert"));
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.assignment_row[0] = 1'000'000; }),
              HasSubstr("assignment 0 has a row that does not exist"));
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.row_token[1] = 2; }),
              HasSubstr("assignment 2 stands in a row of another token"));
}

TEST(CheckPlan, FindsLostRows) {
  EXPECT_THAT(complaint([](DispatchPlan& p) {
                p.assignment_row[2] = -1;
                p.drop_reason[2] = DropReason::capacity;
              }),
              HasSubstr("row 1 belongs to no assignment"));
}

TEST(CheckPlan, FindsSharedRows) {
  // A router that names an expert twice for one token: two assignments can claim the same row.
  const Assignments twice = test::routing_of(1, {{{0, .5F, 1}, {0, .5F, 1}}});
  DispatchPlan plan = make_identity_plan(1);
  plan.token_begin = {0, 2};
  plan.assignment_row = {0, 0};
  plan.drop_reason = {DropReason::kept, DropReason::kept};
  plan.row_weight = {.5F};
  try {
    check_plan(plan, twice);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("assignment 1 shares its row"));
  }
}

TEST(CheckPlan, FindsUnknownExperts) {
  Assignments assignments = three_tokens();
  const DispatchPlan plan = plan_of(assignments);
  assignments.expert[3] = 2;
  try {
    check_plan(plan, assignments);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("assignment 3 is for an expert that does not exist"));
  }
}

TEST(CheckPlan, FindsOtherWeights) {
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.row_weight[1] = .51F; }),
              HasSubstr("token 1 has other weights than the router gave it"));
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.row_weight[0] = std::numeric_limits<float>::quiet_NaN(); }),
              HasSubstr("token 0 has a weight that is not finite"));
}

TEST(CheckPlan, FindsRenormalisationWithoutDropsOrOfSomeTokensOnly) {
  // Weights that do not sum to 1, so that both readings differ for every token.
  const Assignments half = test::routing_of(1, {{{0, .5F, 1}}, {{0, .5F, 1}}});
  DispatchPlan plan = plan_of(half, Renormalise::after_drop);
  EXPECT_NO_THROW(check_plan(plan, half));
  plan.row_weight[1] = .5F;
  EXPECT_THROW(check_plan(plan, half), Error);
  plan = make_plan({.assignments = half});
  plan.row_weight = {1.F, 1.F};
  EXPECT_THROW(check_plan(plan, half), Error);
}

// As three_tokens, but token 2's refused assignment may run on expert 2.
Assignments with_a_spare_expert() {
  return test::routing_of(3, {{{0, .75F, 1}, {1, .25F, 1}}, {{0, .5F, 1}, {1, .5F, 1}}, {{0, .5F, 1}}});
}

std::string complaint_when_rerouted(const std::function<void(DispatchPlan&)>& corrupt) {
  const CapacityRule rule{.factor = 0.0, .min = 2, .drop = DropRule::recycle};
  DispatchPlan plan = make_plan({.assignments = with_a_spare_expert(), .rule = &rule});
  corrupt(plan);
  try {
    check_plan(plan, with_a_spare_expert());
  } catch (const Error& error) {
    return error.what();
  }
  return "no complaint";
}

TEST(CheckPlan, FindsWrongRerouting) {
  EXPECT_EQ(complaint_when_rerouted([](DispatchPlan& p) {
              EXPECT_EQ(p.drop_reason[4], DropReason::rerouted);
              EXPECT_EQ(p.expert_of_row(p.assignment_row[4]), 2);
            }),
            "no complaint");
  EXPECT_THAT(complaint_when_rerouted([](DispatchPlan& p) { p.drop_reason[4] = DropReason::kept; }),
              HasSubstr("assignment 4 stands in a row of another expert"));
  EXPECT_THAT(complaint_when_rerouted([](DispatchPlan& p) { p.drop_reason[0] = DropReason::rerouted; }),
              HasSubstr("assignment 0 is re-routed to an expert that its token chose"));
  EXPECT_THAT(complaint_when_rerouted([](DispatchPlan& p) {
                p.row_weight[p.assignment_row[4]] = std::numeric_limits<float>::infinity();
              }),
              HasSubstr("token 2 has a weight that is not finite"));
  EXPECT_THAT(complaint_when_rerouted([](DispatchPlan& p) { p.room->capacity = {3}; }),
              HasSubstr("expert 0 dropped an assignment while it had room"));
  EXPECT_EQ(complaint_when_rerouted([](DispatchPlan& p) { p.row_weight[p.assignment_row[4]] = .125F; }),
            "no complaint");  // what it weighs there is between the rule and the gate
}

TEST(CheckPlan, FindsRoomThatDoesNotFitTheBatch) {
  EXPECT_THAT(complaint([](DispatchPlan& p) {
                p.room->capacity = {2, 2};
              }),
              HasSubstr("the plan has another number of capacities than groups"));
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.room->group_tokens = 0; }),
              HasSubstr("the plan's groups are empty or larger than the batch"));
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.room->group_tokens = 4; }),
              HasSubstr("the plan's groups are empty or larger than the batch"));
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.room->place_experts = 3; }),
              HasSubstr("the plan's places do not divide its experts"));
  // Two experts of one device: 4 rows, of which the budget allows 2.
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.room->place_experts = 2; }),
              HasSubstr("device 0 holds more than the capacity"));
  // Groups of one token have room for one row each.
  EXPECT_THAT(complaint([](DispatchPlan& p) {
                p.room->group_tokens = 1;
                p.room->capacity = {1, 1, 1};
              }),
              HasSubstr("expert 0 dropped an assignment while it had room"));
}

TEST(CheckPlan, FindsExemptAndOutrankedThatAreNot) {
  EXPECT_EQ(complaint([](DispatchPlan& p) { p.drop_reason[0] = DropReason::exempt; }), "no complaint");
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.drop_reason[4] = DropReason::outranked; }),
              HasSubstr("expert 0 is full and says that what it dropped was outranked"));
  EXPECT_THAT(complaint([](DispatchPlan& p) { p.drop_reason[4] = DropReason::exempt; }),
              HasSubstr("assignment 4 is both dropped and placed, or neither"));
}

}  // namespace
}  // namespace moesim
