// Routers that draw: their frequencies are the stated probabilities, by a chi-square test over fixed seeds at
// a level of one in a million. A rule that is wrong by a few per cent fails it with 40,000 tokens.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "building.h"

namespace moesim::testing {
namespace {

constexpr Index kTokens = 40000;

// The upper 1e-6 point of chi-square with `freedom` degrees, by Wilson and Hilferty 1931.
double critical(double freedom) {
  constexpr double kNormalPoint = 4.753424;
  const double h = 2.0 / (9.0 * freedom);
  return freedom * std::pow(1.0 - h + kNormalPoint * std::sqrt(h), 3);
}

void expect_frequencies(const std::vector<std::uint64_t>& counts, const std::vector<double>& probability) {
  const double total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
  double chi_square = 0.0;
  int cells = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = total * probability[i];
    if (expected < 1e-9) {
      EXPECT_EQ(counts[i], 0U) << "outcome " << i << " is impossible";
      continue;
    }
    chi_square +=
        (static_cast<double>(counts[i]) - expected) * (static_cast<double>(counts[i]) - expected) / expected;
    ++cells;
  }
  EXPECT_LT(chi_square, critical(cells - 1)) << "with " << cells << " outcomes";
}

// All tokens have the same logits.
Assignments route_repeated(const std::string& section, const std::vector<float>& row) {
  Scene scene = scene_of(std::vector<std::vector<float>>(static_cast<std::size_t>(kTokens), row),
                         static_cast<Index>(row.size()));
  return scene.route(*router_of(section, static_cast<Index>(row.size())));
}

std::vector<double> softmax_of(const std::vector<float>& logits) {
  std::vector<double> p;
  double sum = 0.0;
  for (const float z : logits) {
    p.push_back(std::exp(static_cast<double>(z)));
    sum += p.back();
  }
  for (double& v : p) {
    v /= sum;
  }
  return p;
}

std::vector<std::uint64_t> count_choice(const Assignments& a, Index choice) {
  std::vector<std::uint64_t> counts(static_cast<std::size_t>(a.num_experts));
  for (Index t = 0; t < a.num_tokens(); ++t) {
    const Index at = a.begin[static_cast<std::size_t>(t)] + choice;
    if (at < a.begin[static_cast<std::size_t>(t) + 1]) {
      ++counts[static_cast<std::size_t>(a.expert[static_cast<std::size_t>(at)])];
    }
  }
  return counts;
}

const std::vector<float> kRow = {1.5F, 0.25F, -1.0F, 0.75F, 0.0F};

TEST(Sampling, GumbelNoiseChoosesBySoftmax) {
  const Assignments a = route_repeated("{kind: token_choice, noise: gumbel, top_k: 1}", kRow);
  expect_frequencies(count_choice(a, 0), softmax_of(kRow));
}

TEST(Sampling, SecondExpertsAreDrawnByTheSharesOfTheOthers) {
  std::vector<double> others = softmax_of(kRow);
  const double first = others[0];
  others[0] = 0.0;
  for (double& p : others) {
    p /= 1.0 - first;
  }
  for (const char* policy : {"sampling", "gumbel"}) {
    const Assignments a =
        route_repeated(std::string("{kind: token_choice, second_policy: ") + policy + "}", kRow);
    EXPECT_EQ(count_choice(a, 0)[0], static_cast<std::uint64_t>(kTokens)) << policy;
    expect_frequencies(count_choice(a, 1), others);
  }
}

TEST(Sampling, RandomPolicyKeepsTheSecondByItsWeight) {
  // Renormalised, the second of two logits one apart weighs 1/(1+e), and is kept by twice that.
  const Assignments a = route_repeated(
      "{kind: token_choice, route_norm: true, second_policy: random, second_threshold: 0.5}", {1.0F, 0.0F});
  const double kept = 2.0 / (1.0 + std::exp(1.0));
  const auto seconds = static_cast<std::uint64_t>(a.size() - kTokens);
  expect_frequencies({seconds, static_cast<std::uint64_t>(kTokens) - seconds}, {kept, 1.0 - kept});
}

TEST(Sampling, ThresholdPolicyIsStrict) {
  const char* section = "{kind: token_choice, second_policy: threshold, second_threshold: 0.5}";
  EXPECT_EQ(scene_of({{0.0F, 0.0F}}, 2).route(*router_of(section, 2)).size(), 1);
  EXPECT_EQ(
      scene_of({{0.0F, 0.0F}}, 2)
          .route(*router_of("{kind: token_choice, second_policy: threshold, second_threshold: 0.49}", 2))
          .size(),
      2);
}

TEST(Sampling, SparseMixerSamplesWithinItsSoftmaxAndKeepsAThirdOfTheRest) {
  const std::vector<float> row = {2.0F, 1.98F, 1.97F, 0.0F};
  const Assignments a = route_repeated("{kind: sparsemixer, mode: train}", row);
  std::vector<double> near = softmax_of({2.0F, 1.98F, 1.97F});
  near.push_back(0.0);
  expect_frequencies(count_choice(a, 0), near);
  std::vector<std::uint64_t> whole(2);
  for (Index t = 0; t < kTokens; ++t) {
    const auto at = static_cast<std::size_t>(a.begin[static_cast<std::size_t>(t)]);
    const auto expert = static_cast<std::size_t>(a.expert[at]);
    const double share = a.weight[at] / near[expert];
    EXPECT_TRUE(std::abs(share - 1.0) < 1e-5 || (expert != 0 && std::abs(share - 0.3333) < 1e-5)) << share;
    if (expert != 0) {
      ++whole[share > 0.5 ? 0 : 1];
    }
  }
  expect_frequencies(whole, {0.25, 0.75});
}

TEST(Sampling, GaussianNoiseHasTheStatedDeviation) {
  // Two logits d apart: the smaller one wins with probability Phi(-d / (s·sqrt 2)).
  struct Rule {
    std::string section;
    double deviation;
  };
  for (const Rule& rule : {Rule{"{kind: token_choice, noise: gaussian, top_k: 1}", 0.5},
                           Rule{"{kind: token_choice, noise: gaussian, noise_scale: 2, top_k: 1}", 2.0}}) {
    const double upset = 0.5 * std::erfc(0.5 / (rule.deviation * std::sqrt(2.0)) / std::sqrt(2.0));
    expect_frequencies(count_choice(route_repeated(rule.section, {0.5F, 0.0F}), 0), {1.0 - upset, upset});
  }
}

TEST(Sampling, LearnedNoiseIsMultipliedWithItsDeviation) {
  const Index tokens = kTokens;
  Scene scene = scene_of(std::vector<std::vector<float>>(static_cast<std::size_t>(tokens), {0.5F, 0.0F}), 2);
  scene.noise_deviation.resize(tokens, 2);
  scene.noise_deviation.fill(3.0F);
  const Assignments a = scene.route(*router_of("{kind: token_choice, noise: gaussian_learned, top_k: 1}", 2));
  const double upset = 0.5 * std::erfc(0.5 / (3.0 * std::sqrt(2.0)) / std::sqrt(2.0));
  expect_frequencies(count_choice(a, 0), {1.0 - upset, upset});
}

TEST(Sampling, NoiseForTheSelectionLeavesWeightsAlone) {
  const Assignments a =
      route_repeated("{kind: token_choice, noise: gumbel, noise_for: selection, top_k: 1}", {1.0F, 0.0F});
  const std::vector<double> p = softmax_of({1.0F, 0.0F});
  expect_frequencies(count_choice(a, 0), p);
  for (std::size_t i = 0; i < a.expert.size(); ++i) {
    EXPECT_NEAR(a.weight[i], p[static_cast<std::size_t>(a.expert[i])], 1e-6);
  }
}

TEST(Sampling, UniformNoiseStaysWithinItsWidth) {
  const Assignments a =
      route_repeated("{kind: token_choice, noise: uniform, score_func: raw, top_k: 2}", {3.0F, 0.0F});
  double least = 9;
  double most = -9;
  for (std::size_t i = 0; i < a.score.size(); i += 2) {
    least = std::min<double>(least, a.score[i]);
    most = std::max<double>(most, a.score[i]);
  }
  EXPECT_NEAR(least, 3.9, 1e-3);
  EXPECT_NEAR(most, 4.1, 1e-3);
}

TEST(Sampling, ReplacedLogitsForgetTheGivenOnesAndKeepTheirSkew) {
  const Assignments a =
      route_repeated("{kind: token_choice, noise: replace, top_k: 1}", {9.0F, 0.0F, -9.0F, 3.0F});
  expect_frequencies(count_choice(a, 0), std::vector<double>(4, 0.25));
  // A skew far above the noise decides for every token alike.
  const Assignments b =
      route_repeated("{kind: token_choice, noise: replace, noise_scale: 0.001, noise_skew: 1, top_k: 1}",
                     {9.0F, 0.0F, -9.0F, 3.0F});
  const std::vector<std::uint64_t> counts = count_choice(b, 0);
  EXPECT_EQ(*std::max_element(counts.begin(), counts.end()), static_cast<std::uint64_t>(kTokens));
}

TEST(Sampling, ZipfDrawsByPopularity) {
  const std::vector<float> row(4, 0.0F);
  std::vector<double> p = {1.0, 1.0 / 2, 1.0 / 3, 1.0 / 4};
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& v : p) {
    v /= sum;
  }
  const Assignments a = route_repeated("{kind: zipf, top_k: 2}", row);
  expect_frequencies(count_choice(a, 0), p);
  std::vector<double> second(4);
  for (std::size_t first = 0; first < 4; ++first) {
    for (std::size_t e = 0; e < 4; ++e) {
      second[e] += e == first ? 0.0 : p[first] * p[e] / (1.0 - p[first]);
    }
  }
  expect_frequencies(count_choice(a, 1), second);
  expect_frequencies(count_choice(route_repeated("{kind: zipf, top_k: 1, shares: [0, 3, 1, 0]}", row), 0),
                     {0.0, 0.75, 0.25, 0.0});
}

TEST(Sampling, RandomWithReplacementRepeatsAnExpertOneTimeInE) {
  const Assignments a =
      route_repeated("{kind: random, top_k: 2, replacement: true}", std::vector<float>(4, 0.0F));
  std::vector<std::uint64_t> same(2);
  for (std::size_t i = 0; i < a.expert.size(); i += 2) {
    ++same[a.expert[i] == a.expert[i + 1] ? 0 : 1];
  }
  expect_frequencies(same, {0.25, 0.75});
}

// Mixtral (arXiv:2401.04088), table 5: with 8 experts and 2 choices consecutive tokens share the first choice
// in 12.5 % and any choice in 46.4 % of random routings: 1/8 and 1 − C(6,2)/C(8,2).
TEST(Sampling, UniformChoicesRepeatAsInMixtralsTable) {
  const Assignments a = route_repeated("{kind: random, top_k: 2}", std::vector<float>(8, 0.0F));
  std::vector<std::uint64_t> first(2);
  std::vector<std::uint64_t> any(2);
  for (Index t = 0; t + 1 < kTokens; t += 2) {
    const TokenChoices x = choices_of(a, t);
    const TokenChoices y = choices_of(a, t + 1);
    ++first[x.expert[0] == y.expert[0] ? 0 : 1];
    bool shared = false;
    for (const std::int32_t e : x.expert) {
      shared = shared || e == y.expert[0] || e == y.expert[1];
    }
    ++any[shared ? 0 : 1];
  }
  expect_frequencies(first, {0.125, 0.875});
  expect_frequencies(any, {13.0 / 28.0, 15.0 / 28.0});
}

TEST(RoundRobin, GivesEveryExpertTheSame) {
  const Assignments a = route_repeated("{kind: round_robin, top_k: 2}", std::vector<float>(8, 0.0F));
  std::vector<std::uint64_t> counts(8);
  for (const std::int32_t e : a.expert) {
    ++counts[static_cast<std::size_t>(e)];
  }
  EXPECT_EQ(counts, std::vector<std::uint64_t>(8, kTokens / 4));
}

}  // namespace
}  // namespace moesim::testing
