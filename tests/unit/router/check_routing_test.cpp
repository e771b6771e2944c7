// The contract must be able to fail: each rule, broken once.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "core/error.h"
#include "router/router.h"

namespace moesim {
namespace {

Assignments good() {
  return {.num_experts = 4,
          .begin = {0, 2, 4},
          .expert = {1, 0, 3, 2},
          .weight = {0.75F, 0.25F, 0.5F, 0.5F},
          .score = {0.6F, 0.2F, 0.4F, 0.4F}};
}

RouterTraits traits() {
  RouterTraits traits;
  traits.top_k = 2;
  traits.normalised = true;
  return traits;
}

std::string broken(const std::function<void(Assignments&, RouterTraits&)>& change) {
  Assignments a = good();
  RouterTraits t = traits();
  change(a, t);
  try {
    check_routing(a, t, 2, 4);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::internal);
    const std::string what = error.what();
    return what.substr(0, what.find(" ("));
  }
  return "";
}

TEST(CheckRouting, AcceptsAGoodOne) {
  EXPECT_EQ(broken([](Assignments&, RouterTraits&) {}), "");
}

TEST(CheckRouting, AcceptsNoTokens) {
  Assignments none;
  none.num_experts = 4;
  none.begin = {0};
  EXPECT_NO_THROW(check_routing(none, traits(), 0, 4));
}

TEST(CheckRouting, NamesTheTokenAndTheRule) {
  using A = Assignments;
  using T = RouterTraits;
  EXPECT_EQ(broken([](A& a, T&) { a.expert[2] = 4; }), "error: token 1: expert 4 does not exist");
  EXPECT_EQ(broken([](A& a, T&) { a.expert[2] = -1; }), "error: token 1: expert -1 does not exist");
  EXPECT_EQ(broken([](A& a, T&) { a.expert[1] = 1; }), "error: token 0: expert 1 is chosen twice");
  EXPECT_EQ(broken([](A&, T& t) { t.top_k = 3; }), "error: token 0: 2 experts instead of 3");
  EXPECT_EQ(broken([](A& a, T&) { a.begin = {0, 3, 4}; }), "error: token 0: 3 experts instead of 2");
  EXPECT_EQ(broken([](A& a, T&) {
              a.begin = {0, 5, 4};
            }),
            "error: token 0: its range of assignments is impossible");
  EXPECT_EQ(broken([](A& a, T&) {
              a.begin = {0, 4};
            }),
            "error: the tokens' ranges do not cover the assignments");
  EXPECT_EQ(broken([](A& a, T&) {
              a.begin = {1, 2, 4};
            }),
            "error: the tokens' ranges do not cover the assignments");
  EXPECT_EQ(broken([](A& a, T&) {
              a.begin = {0, 2, 3};
            }),
            "error: the tokens' ranges do not cover the assignments");
  EXPECT_EQ(broken([](A& a, T&) { a.weight.pop_back(); }),
            "error: weights, scores and experts differ in number");
  EXPECT_EQ(broken([](A& a, T&) { a.weight[3] = std::nanf(""); }), "error: token 1: a weight is not finite");
  EXPECT_EQ(broken([](A& a, T&) { a.score[0] = HUGE_VALF; }), "error: token 0: a score is not finite");
  EXPECT_EQ(broken([](A& a, T&) { a.weight[3] = 0.75F; }),
            "error: token 1: the weights sum to 1.25, not to 1");
  EXPECT_EQ(broken([](A&, T& t) { t.weight_sum = 2; }), "error: token 0: the weights sum to 1, not to 2");
  EXPECT_EQ(broken([](A&, T& t) { t.choice = Choice::soft; }), "error: a soft router made hard choices");
  EXPECT_EQ(broken([](A& a, T&) { a.num_experts = 5; }), "error: a routing for another number of experts");
}

TEST(CheckRouting, NoTokenGetsMoreThanTheMost) {
  EXPECT_EQ(broken([](Assignments&, RouterTraits& t) {
              t.exact_k = false;
              t.most_experts = 2;
            }),
            "");
  EXPECT_EQ(broken([](Assignments&, RouterTraits& t) {
              t.exact_k = false;
              t.most_experts = 1;
            }),
            "error: token 0: 2 experts, more than 1");
}

TEST(CheckRouting, WhatPassesThroughIsGivenForAllTokensOrNone) {
  EXPECT_EQ(broken([](Assignments& a, RouterTraits&) { a.pass_through = {0.25F, 0.5F}; }), "");
  EXPECT_EQ(broken([](Assignments& a, RouterTraits&) { a.pass_through = {0.25F}; }),
            "error: what passes through is not given for every token");
  EXPECT_EQ(broken([](Assignments& a, RouterTraits&) {
              a.pass_through = {0.25F, std::nanf("")};
            }),
            "error: token 1: what passes through is not finite");
}

TEST(CheckRouting, OrderIsJudgedWhereNoBiasHidesIt) {
  EXPECT_EQ(broken([](Assignments&, RouterTraits& t) { t.choice = Choice::expert; }),
            "error: token 1: the choices are not in order, best score first");
}

TEST(CheckRouting, SumsAreJudgedAboveTheFloorOnly) {
  EXPECT_EQ(broken([](Assignments& a, RouterTraits& t) {
              a.weight = {0, 0, 0, 0};
              a.score = {0, 0, 0, 0};
              t.normalised_above = 0;
            }),
            "");
}

TEST(CheckRouting, SoftMixNeedsRowsThatSumToOne) {
  RouterTraits t = traits();
  t.choice = Choice::soft;
  SoftMix mix{.num_experts = 2, .dispatch = Matrix(1, 2), .combine = Matrix(1, 2)};
  mix.dispatch.fill(1.0F);
  mix.combine.fill(0.5F);
  const Routing good_mix = SoftMix{2, mix.dispatch.clone(), mix.combine.clone()};
  EXPECT_NO_THROW(check_routing(good_mix, t, 1, 2));
  EXPECT_THROW(check_routing(good_mix, traits(), 1, 2), Error);
  EXPECT_THROW(check_routing(good_mix, t, 2, 2), Error);
  mix.combine.fill(0.6F);
  EXPECT_THROW(check_routing(Routing(std::move(mix)), t, 1, 2), Error);
}

}  // namespace
}  // namespace moesim
