// The draw with a memory: its loads and its repetitions are the stated ones, and a token's experts follow
// from its place alone.

#include "router/persistent_draw.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesim {
namespace {

constexpr RandomKey kKey{.seed = 7, .stream = Stream::drawn_router, .layer = 3};

using Sets = std::vector<std::vector<std::int32_t>>;

Sets draw_all(const DrawLaw& law, std::size_t top_k, std::uint64_t tokens) {
  PersistentDraw draw(law, kKey);
  Sets sets;
  for (std::uint64_t t = 0; t < tokens; ++t) {
    sets.emplace_back(top_k);
    draw.draw({t, t}, sets.back());
  }
  return sets;
}

std::vector<double> frequencies(const Sets& sets, std::size_t num_experts) {
  std::vector<double> share(num_experts);
  for (const auto& set : sets) {
    for (const std::int32_t e : set) {
      share[static_cast<std::size_t>(e)] += 1.0 / static_cast<double>(sets.size());
    }
  }
  return share;
}

std::size_t common(const std::vector<std::int32_t>& a, const std::vector<std::int32_t>& b) {
  std::vector<std::int32_t> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both.size();
}

double overlap(const Sets& sets) {
  double sum = 0;
  for (std::size_t t = 1; t < sets.size(); ++t) {
    sum += static_cast<double>(common(sets[t - 1], sets[t]));
  }
  return sum / static_cast<double>(sets.size() - 1);
}

// As uneven as a layer of a real model: the first expert is nearly always chosen.
std::vector<double> uneven(std::size_t num_experts) {
  std::vector<double> shares;
  for (std::size_t e = 0; e < num_experts; ++e) {
    shares.push_back(std::exp(-0.2 * static_cast<double>(e)) + (e == 0 ? 2.0 : 0.0));
  }
  return shares;
}

TEST(PersistentDraw, EveryTokenGetsKDifferentExperts) {
  for (const double persistence : {0.0, 0.4, 1.0}) {
    const DrawLaw law{inclusions_of(uneven(16), 4), persistence};
    for (const auto& set : draw_all(law, 4, 1000)) {
      ASSERT_TRUE(std::is_sorted(set.begin(), set.end()));
      ASSERT_EQ(std::adjacent_find(set.begin(), set.end()), set.end());
      ASSERT_GE(set.front(), 0);
      ASSERT_LT(set.back(), 16);
    }
  }
}

// The standard error of a frequency is at most 0.5/√40000 = 0.0025 without memory; with persistence 0.6
// neighbours count about four times.
TEST(PersistentDraw, LoadsAreTheGivenOnesForAnyPersistence) {
  for (const double persistence : {0.0, 0.6}) {
    const DrawLaw law{inclusions_of(uneven(16), 4), persistence};
    const std::vector<double> seen = frequencies(draw_all(law, 4, 40000), 16);
    for (std::size_t e = 0; e < seen.size(); ++e) {
      EXPECT_NEAR(seen[e], law.inclusion[e], 0.02) << "expert " << e << ", persistence " << persistence;
    }
  }
}

TEST(PersistentDraw, NeighboursShareWhatTheFormulaSays) {
  const std::vector<double> inclusion = inclusions_of(uneven(32), 4);
  const double independent = independent_overlap(inclusion);
  EXPECT_NEAR(overlap(draw_all({inclusion, 0.0}, 4, 40000)), independent, 0.02);
  for (const double wanted : {independent + 0.3, independent + 1.0}) {
    const DrawLaw law{inclusion, persistence_for(wanted, inclusion)};
    EXPECT_NEAR(overlap(draw_all(law, 4, 40000)), wanted, 0.03);
  }
  EXPECT_EQ(persistence_for(independent - 0.1, inclusion), 0.0);
  EXPECT_EQ(persistence_for(4.0, inclusion), 1.0);
}

TEST(PersistentDraw, ATokensExpertsFollowFromItsPlaceAlone) {
  const DrawLaw law{inclusions_of(uneven(16), 3), 0.7};
  const Sets sets = draw_all(law, 3, 300);
  PersistentDraw draw(law, kKey);
  std::vector<std::int32_t> set(3);
  for (const std::uint64_t t : {299U, 5U, 6U, 64U, 128U, 127U, 0U, 200U}) {
    draw.draw({t, t}, set);
    EXPECT_EQ(set, sets[t]) << "token " << t;
  }
  // The first token of a sequence remembers nothing of the one before it.
  PersistentDraw other(law, kKey);
  std::vector<std::int32_t> alone(3);
  other.draw({200, 0}, alone);
  draw.draw({199, 199}, set);
  draw.draw({200, 0}, set);
  EXPECT_EQ(set, alone);
}

TEST(PersistentDraw, PersistenceOneRepeatsUntilItForgets) {
  const DrawLaw law{inclusions_of(uneven(16), 3), 1.0};
  const Sets sets = draw_all(law, 3, 129);
  EXPECT_EQ(sets[1], sets[0]);
  EXPECT_EQ(sets[63], sets[0]);
  EXPECT_EQ(sets[127], sets[64]);
}

TEST(PersistentDraw, AnExpertThatWouldBeChosenMoreThanAlwaysIsAlwaysChosen) {
  const std::vector<double> shares = {10, 1, 1, 2};
  const std::vector<double> inclusion = inclusions_of(shares, 2);
  EXPECT_EQ(inclusion, (std::vector<double>{1.0, 0.25, 0.25, 0.5}));
  const std::vector<double> all = inclusions_of(std::vector<double>{3, 0, 1}, 2);
  EXPECT_EQ(all, (std::vector<double>{1.0, 0.0, 1.0}));
}

}  // namespace
}  // namespace moesim
