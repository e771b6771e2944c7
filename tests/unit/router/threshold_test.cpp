// Routers that compare scores with thresholds: given ones (expert_threshold), the batch's own (qb_dynamic).

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "oracle/whole_batch.h"
#include "whole_batch.h"

namespace moesim::testing {
namespace {

using Ids = std::vector<std::int32_t>;

TEST(ExpertThreshold, TokensGoToEveryExpertAboveItsThreshold) {
  const Scene scene = scene_of({{2, 1, 3}, {0, 0, 0}, {9, 9, 9}, {1, 2, 2.5F}}, 3);
  const Assignments got =
      scene.route(*router_of("{kind: expert_threshold, score_func: raw, threshold: [1, 1.5, 2.5]}", 3));
  EXPECT_EQ(choices_of(got, 0).expert, (Ids{2, 0}));
  EXPECT_EQ(choices_of(got, 0).weight, (std::vector<float>{3, 2}));
  EXPECT_TRUE(choices_of(got, 1).expert.empty());
  EXPECT_EQ(choices_of(got, 2).expert, (Ids{0, 1, 2}));
  EXPECT_EQ(choices_of(got, 3).expert, (Ids{1})) << "1 and 2.5 equal their thresholds";
}

TEST(ExpertThreshold, TheStatesThresholdsGoBeforeTheConfigs) {
  Scene scene = scene_of({{2, 1}}, 2);
  const auto router = router_of("{kind: expert_threshold, score_func: raw, threshold: [0]}", 2);
  EXPECT_EQ(router->initial_threshold(), (std::vector<float>{0, 0}));
  EXPECT_EQ(scene.route(*router).expert, (Ids{0, 1}));
  scene.state.threshold = {5, 0.5F};
  EXPECT_EQ(scene.route(*router).expert, (Ids{1}));
}

// arXiv:2603.11535: with the batch's own cut-off scores for thresholds it is expert choice, but for the token
// at the cut-off itself, which does not exceed it.
TEST(ExpertThreshold, OfTheBatchsOwnCutOffsIsExpertChoice) {
  Scene scene = random_scene(64, 8, 5);
  const auto choice = router_of("{kind: expert_choice, factor: 2, score_func: sigmoid}", 8);
  const NaiveMatrix scores = scores_of(scene, ScoreFunc::sigmoid);
  for (const double quantile : naive_quantiles(scores, 2, 8)) {
    scene.state.threshold.push_back(static_cast<float>(quantile));
  }
  const Assignments by_threshold = scene.route(*router_of("{kind: expert_threshold}", 8));
  const Assignments by_experts = scene.route(*choice);
  EXPECT_EQ(by_threshold.expert, by_experts.expert);
  EXPECT_EQ(by_threshold.begin, by_experts.begin);
  EXPECT_EQ(by_threshold.weight, by_experts.weight);
}

TEST(ExpertThreshold, EqualsTheNaiveOracleOnAThousandInputs) {
  for (std::uint64_t i = 0; i < 1000; ++i) {
    Input input(i);
    const int experts = input.among<int>({1, 2, 3, 8, 16});
    const Scene scene = input.scene(input.among<Index>({0, 1, 2, 40}), experts);
    const ScoreFunc func = input.among<ScoreFunc>({ScoreFunc::raw, ScoreFunc::sigmoid, ScoreFunc::softmax});
    std::vector<double> threshold;
    std::string list;
    for (int e = 0; e < experts; ++e) {
      threshold.push_back(input.among<double>({-1, 0, 0.25, 0.5, 1}));
      list += (e > 0 ? ", " : "") + std::to_string(threshold.back());
    }
    const std::string section = "{kind: expert_threshold, threshold: [" + list +
                                "], score_func: " + std::string(enum_text(func)) + "}";
    compare(scene.route(*router_of(section, experts)), naive_above(scores_of(scene, func), threshold),
            section + " input " + std::to_string(i));
  }
}

TEST(ExpertThreshold, RefusesWrongThresholds) {
  EXPECT_EQ(build("router: {kind: expert_threshold, threshold: [1, 2, 3]}", 8).errors(),
            "x.yaml:1:34: error: router.threshold: got 3 numbers; expected 1 number, or 8, one per expert "
            "[wrong-length]\n  note: x.yaml:1:1: layer.num_experts is 8 (the default)");
  EXPECT_EQ(build("router: {kind: expert_threshold, threshold: []}", 8).errors(),
            "x.yaml:1:34: error: router.threshold: got 0 numbers; expected 1 number, or 8, one per expert "
            "[wrong-length]\n  note: x.yaml:1:1: layer.num_experts is 8 (the default)");
  EXPECT_EQ(
      build("router: {kind: expert_threshold, threshold: [2e6]}", 8).errors(),
      "x.yaml:1:34: error: router.threshold: got 2e6; expected numbers from -1e6 to 1e6 [out-of-range]");
}

TEST(QbDynamic, EveryExpertGetsItsShareAndTokensWhatTheyDeserve) {
  const Assignments got = random_scene(64, 8, 6).route(*router_of("{kind: qb_dynamic, top_k: 2}", 8));
  EXPECT_EQ(loads(got), std::vector<Index>(8, 16));
  Index fewest = 8;
  Index most = 0;
  for (Index t = 0; t < 64; ++t) {
    const auto count = static_cast<Index>(choices_of(got, t).expert.size());
    fewest = std::min(fewest, count);
    most = std::max(most, count);
  }
  EXPECT_EQ(fewest, 0);
  EXPECT_GT(most, 3);
}

TEST(QbDynamic, EqualScoresAtTheQuantileAreLeftOutTogether) {
  const Scene scene = scene_of({{1, 4}, {1, 3}, {1, 3}, {2, 1}}, 2);
  const Assignments got = scene.route(*router_of("{kind: qb_dynamic, top_k: 1, score_func: raw}", 2));
  EXPECT_EQ(loads(got), (std::vector<Index>{1, 1}));
  EXPECT_EQ(choices_of(got, 3).expert, (Ids{0}));
  EXPECT_EQ(choices_of(got, 0).expert, (Ids{1}));
}

TEST(QbDynamic, AllExpertsForEveryTokenHaveNoThreshold) {
  const Assignments got = random_scene(5, 4, 6).route(*router_of("{kind: qb_dynamic, top_k: 4}", 4));
  EXPECT_EQ(loads(got), std::vector<Index>(4, 5));
}

TEST(QbDynamic, EqualsTheNaiveOracleOnAThousandInputs) {
  for (std::uint64_t i = 0; i < 1000; ++i) {
    Input input(i);
    const int experts = input.among<int>({1, 2, 3, 8, 16});
    const Scene scene = input.scene(input.among<Index>({0, 1, 2, 7, 40}), experts);
    const ScoreFunc func = input.among<ScoreFunc>({ScoreFunc::raw, ScoreFunc::sigmoid, ScoreFunc::softmax});
    const int top_k = 1 + static_cast<int>(input.random.next_below(static_cast<std::uint32_t>(experts)));
    const std::string section = "{kind: qb_dynamic, top_k: " + std::to_string(top_k) +
                                ", score_func: " + std::string(enum_text(func)) + "}";
    const NaiveMatrix scores = scores_of(scene, func);
    compare(scene.route(*router_of(section, experts)),
            naive_above(scores, naive_quantiles(scores, top_k, experts)),
            section + " input " + std::to_string(i));
  }
}

TEST(QbDynamic, RefusesMoreExpertsThanThereAre) {
  EXPECT_EQ(build("router: {kind: qb_dynamic, top_k: 9}", 8).errors(),
            "x.yaml:1:28: error: router.top_k: got 9; expected a whole number from 1 to 8 [out-of-range]\n"
            "  note: x.yaml:1:1: layer.num_experts is 8 (the default)");
}

}  // namespace
}  // namespace moesim::testing
