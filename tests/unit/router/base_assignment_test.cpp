// BASE layers: the auction against the oracle and against the best assignment there is.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "oracle/assignment.h"
#include "whole_batch.h"

namespace moesim::testing {
namespace {

using Ids = std::vector<std::int32_t>;

Ids experts_of(const Scene& scene, const std::string& settings = "") {
  return scene.route(*router_of("{kind: base_assignment" + settings + "}", scene.logits.cols())).expert;
}

// Four tokens prefer expert 0; it keeps the two that lose most by going elsewhere.
TEST(BaseAssignment, EveryExpertGetsAnEqualShare) {
  const Scene scene = scene_of({{5, 0}, {4, 3}, {6, 1}, {4, 3.5F}}, 2);
  EXPECT_EQ(experts_of(scene), (Ids{0, 1, 0, 1}));
  EXPECT_EQ(experts_of(scene, ", mode: eval"), (Ids{0, 0, 0, 0}));
}

// y = α·E(x) + (1 − α)·x with α = sigmoid of the affinity (fairseq, modules/base_layer.py).
TEST(BaseAssignment, TheOutputIsMixedWithTheTokensOwnRow) {
  for (const char* mode : {"train", "eval"}) {
    const Scene scene = scene_of({{2, 0}, {0, -1}}, 2);
    const Assignments got =
        scene.route(*router_of(std::string("{kind: base_assignment, mode: ") + mode + "}", 2));
    ASSERT_EQ(got.pass_through.size(), 2u);
    EXPECT_NEAR(got.weight[0], 1 / (1 + std::exp(-2.0)), 1e-6);
    for (std::size_t t = 0; t < 2; ++t) {
      EXPECT_EQ(got.weight[t] + got.pass_through[t], 1.0F);
      EXPECT_EQ(got.score[t], got.weight[t]);
    }
  }
}

TEST(BaseAssignment, EqualAffinitiesAreSharedOutAllTheSame) {
  for (const float everywhere : {0.0F, 1e-30F, 1e20F, -3e38F}) {
    const Scene scene = scene_of(std::vector<std::vector<float>>(12, std::vector<float>(4, everywhere)), 4);
    Ids load(4);
    for (const std::int32_t e : experts_of(scene)) {
      ++load[static_cast<std::size_t>(e)];
    }
    EXPECT_EQ(load, Ids(4, 3)) << everywhere;
  }
}

TEST(BaseAssignment, EndsOnAffinitiesOfAnySize) {
  for (const float size : {1e-38F, 1e-6F, 1e6F, 1e38F}) {
    Scene scene = random_scene(96, 8, 21);
    for (Index t = 0; t < 96; ++t) {
      for (float& z : scene.logits.row(t)) {
        z *= size / 8;
      }
    }
    Ids load(8);
    for (const std::int32_t e : experts_of(scene)) {
      ++load[static_cast<std::size_t>(e)];
    }
    EXPECT_EQ(load, Ids(8, 12)) << size;
  }
}

struct AuctionCase {
  int experts;
  int share;
  int levels;  // affinities of so many values; 0: real numbers
};

Scene auction_scene(const AuctionCase& c, std::uint64_t seed) {
  RandomSequence random({.seed = 77, .stream = Stream::test}, seed);
  Scene scene = random_scene(static_cast<Index>(c.experts) * c.share, c.experts, seed);
  const double skew = random.next_uniform() * 3;
  for (Index t = 0; t < scene.logits.rows(); ++t) {
    for (std::size_t e = 0; e < scene.logits.row(t).size(); ++e) {
      float& z = scene.logits.row(t)[e];
      if (c.levels > 0) {
        z = static_cast<float>(random.next_below(static_cast<std::uint32_t>(c.levels))) - 1.0F;
      } else {
        z += static_cast<float>(skew * static_cast<double>(e) / c.experts);  // some experts are wanted more
      }
    }
  }
  return scene;
}

AuctionCase draw_case(std::uint64_t i) {
  RandomSequence random({.seed = 78, .stream = Stream::test}, i);
  const int experts[] = {1, 2, 3, 5, 8, 16};
  const int shares[] = {0, 1, 2, 5, 9};
  const int levels[] = {0, 0, 1, 2, 4};
  return {experts[random.next_below(6)], shares[random.next_below(5)], levels[random.next_below(5)]};
}

TEST(BaseAssignment, EqualsTheNaiveOracleOnAThousandInputs) {
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const AuctionCase c = draw_case(i);
    const Scene scene = auction_scene(c, i);
    const NaiveAuction naive = naive_auction(doubles_of(scene));
    ASSERT_EQ(experts_of(scene), Ids(naive.expert.begin(), naive.expert.end()))
        << "input " << i << ": " << c.experts << " experts, " << c.share << " tokens each, " << c.levels
        << " levels";
  }
}

// Everyone wants the same tokens in the same order: a war of prices that the first 100 rounds cannot end.
TEST(BaseAssignment, EqualsTheNaiveOracleBeyondAHundredRounds) {
  int beyond = 0;
  for (const int experts : {96, 128}) {
    for (const std::uint32_t levels : {1u, 2u, 3u}) {
      RandomSequence random({.seed = 79, .stream = Stream::test}, levels);
      Scene scene = random_scene(experts, experts, 1);
      for (Index t = 0; t < experts; ++t) {
        const float wanted = static_cast<float>(random.next_below(levels));
        std::fill(scene.logits.row(t).begin(), scene.logits.row(t).end(), wanted);
      }
      const NaiveAuction naive = naive_auction(doubles_of(scene));
      beyond += naive.rounds > 101 ? 1 : 0;
      ASSERT_EQ(experts_of(scene), Ids(naive.expert.begin(), naive.expert.end())) << experts << " " << levels;
    }
  }
  EXPECT_GE(beyond, 3);
}

// How far below the best assignment, in T·ε.
double gap(const NaiveMatrix& affinity, const NaiveAuction& auction) {
  const double lost = largest_total(affinity) - total_of(affinity, auction.expert);
  return lost / (static_cast<double>(affinity.size()) * auction.epsilon);
}

TEST(BaseAssignment, RealAffinitiesAreWithinTEpsilonOfTheBest) {
  double mean = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    AuctionCase c = draw_case(i);
    c = {std::max(2, c.experts), std::max(1, c.share), 0};
    const NaiveMatrix affinity = doubles_of(auction_scene(c, i));
    const double lost = gap(affinity, naive_auction(affinity));
    ASSERT_GE(lost, -1e-9) << i;
    ASSERT_LE(lost, 1.0) << i << ": " << c.experts << " experts, " << c.share << " tokens each";
    mean += lost / 1000;
  }
  EXPECT_LT(mean, 0.1);
}

// The bound of a pure auction, T·ε, is not kept where affinities are equal: what is held becomes dearer all
// the time. The bound that holds counts the rounds.
TEST(BaseAssignment, AnyAffinitiesAreWithinTEpsilonOfTheBestForEachRound) {
  int beyond_one = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    AuctionCase c = draw_case(i);
    c = {std::max(2, c.experts), std::max(1, c.share), c.levels};
    const NaiveMatrix affinity = doubles_of(auction_scene(c, i));
    const NaiveAuction auction = naive_auction(affinity);
    ASSERT_LE(auction.rounds, 100) << i;
    ASSERT_LE(gap(affinity, auction), auction.rounds) << i;
    beyond_one += gap(affinity, auction) > 1 ? 1 : 0;
  }
  EXPECT_GT(beyond_one, 0);
}

}  // namespace
}  // namespace moesim::testing
