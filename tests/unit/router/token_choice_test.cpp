// Worked vectors of token choice and what its config refuses.

#include <gtest/gtest.h>

#include "building.h"
#include "core/error.h"

namespace moesim::testing {
namespace {

using Ids = std::vector<std::int32_t>;

const std::vector<float> kLogits = {2.0F, 1.0F, 0.5F, -0.5F, 1.5F, -1.0F, 0.0F, -2.0F};
const std::vector<float> kBias = {-0.5F, 0.0F, 0.0F, 0.2F, -0.1F, 0.0F, 0.4F, 0.0F};

struct Worked {
  const char* section;
  bool with_bias;
  Ids expert;
  std::vector<double> weight;  // six digits
};

// Computed in double precision from the definitions.
const Worked kWorked[] = {
    {"{kind: token_choice}", false, {0, 4}, {0.402728, 0.244267}},
    {"{preset: mixtral}", false, {0, 4}, {0.622459, 0.377541}},
    {"{preset: gpt_oss, top_k: 2}", false, {0, 4}, {0.622459, 0.377541}},
    {"{preset: granite_moe, top_k: 2}", false, {0, 4}, {0.622459, 0.377541}},
    {"{kind: token_choice, softmax_after_top_k: true}", false, {0, 4}, {0.622459, 0.377541}},
    {"{kind: token_choice, score_func: sigmoid}", false, {0, 4}, {0.880797, 0.817574}},
    {"{kind: token_choice, score_func: sigmoid, route_norm: true, route_scale: 2.5}",
     false,
     {0, 4},
     {1.296532, 1.203468}},
    {"{kind: token_choice, score_func: sigmoid, route_norm: true, route_scale: 2.5}",
     true,
     {6, 1},
     {1.015386, 1.484614}},
    {"{preset: deepseek_v3, num_expert_groups: 1, top_k: 2}", true, {6, 1}, {1.015386, 1.484614}},
    {"{preset: deepseek_v3, num_expert_groups: 4, num_limited_groups: 2, top_k: 2}",
     true,
     {1, 2},
     {1.350294, 1.149706}},
    {"{preset: deepseek_v2, num_expert_groups: 4, num_limited_groups: 2, top_k: 2}",
     false,
     {0, 4},
     {6.443654, 3.908274}},
    {"{kind: token_choice, score_func: sqrt_softplus, route_norm: true, norm_eps: 1e-20, route_scale: 1.5}",
     false,
     {0, 4},
     {0.791810, 0.708190}},
    {"{preset: ernie45, top_k: 2}", true, {6, 3}, {0.622459, 0.377541}},
    {"{kind: token_choice, route_scale: 6}", true, {6, 3}, {0.327020, 0.198348}},
    {"{preset: llama4}", false, {0}, {0.880797}},
    {"{preset: switch}", false, {0}, {0.402728}},
    {"{preset: remoe}", false, {0, 4, 1, 2}, {2.0, 1.5, 1.0, 0.5}},
    {"{preset: top_p}", false, {0}, {0.402728}},
    {"{preset: top_p, top_p: 0.7}", false, {0, 4, 1}, {0.402728, 0.244267, 0.148155}},
    {"{preset: top_p, top_p: 0.9}",
     false,
     {0, 4, 1, 2, 6},
     {0.402728, 0.244267, 0.148155, 0.089861, 0.054503}},
    {"{preset: phi35_moe}", false, {0, 4}, {1.0, 1.0}},
    {"{preset: longcat_flash, top_k: 2}", true, {6, 3}, {0.327020, 0.198348}},
    {"{preset: deepseek_v4, top_k: 2}", false, {0, 4}, {0.791810, 0.708190}},
    {"{kind: token_choice, score_func: relu, top_k: 4}", false, {0, 4, 1, 2}, {2.0, 1.5, 1.0, 0.5}},
};

TEST(TokenChoice, WorkedVectorsToSixDigits) {
  for (const Worked& worked : kWorked) {
    Scene scene = scene_of({kLogits}, 8);
    if (worked.with_bias) {
      scene.state.expert_bias = kBias;
    }
    const TokenChoices got = choices_of(scene.route(*router_of(worked.section, 8)), 0);
    EXPECT_EQ(got.expert, worked.expert) << worked.section;
    ASSERT_EQ(got.weight.size(), worked.weight.size()) << worked.section;
    for (std::size_t j = 0; j < worked.weight.size(); ++j) {
      EXPECT_NEAR(got.weight[j], worked.weight[j], 6e-7) << worked.section << " choice " << j;
    }
  }
}

TEST(SparseMixer, WeighsTheSecondAboveTheFirstWhereThreeAreNear) {
  const Scene scene = scene_of({{2.0F, 1.98F, 0.5F, -0.5F, 1.97F, -1.0F, 0.0F, -2.0F}}, 8);
  const TokenChoices got = choices_of(scene.route(*router_of("{preset: phi35_moe}", 8)), 0);
  EXPECT_EQ(got.expert, (Ids{0, 1}));
  EXPECT_NEAR(got.weight[0], 0.338909, 6e-7);
  EXPECT_NEAR(got.weight[1], 0.502500, 6e-7);
}

// With raw scores the logits are the scores of the worked example.
TokenChoices group_leak(const std::string& fill) {
  Scene scene = scene_of({{0.9F, 0.2F, 0.6F, 0.5F}}, 4);
  scene.state.expert_bias = {0.0F, -0.5F, -0.55F, -0.45F};
  const std::string section =
      "{kind: token_choice, score_func: relu, route_norm: true, num_expert_groups: 2, num_limited_groups: 1, "
      "mask_fill: " +
      fill + "}";
  return choices_of(scene.route(*router_of(section, 4)), 0);
}

TEST(TokenChoice, MaskFilledWithMinusInfinityKeepsExcludedGroupsOut) {
  const TokenChoices got = group_leak("neg_inf");
  EXPECT_EQ(got.expert, (Ids{0, 1}));
  EXPECT_NEAR(got.weight[0], 0.818182, 6e-7);
  EXPECT_NEAR(got.weight[1], 0.181818, 6e-7);
}

TEST(TokenChoice, MaskFilledWithZeroLetsAnExcludedExpertIn) {
  const TokenChoices got = group_leak("zero");
  EXPECT_EQ(got.expert, (Ids{0, 2}));
  EXPECT_NEAR(got.weight[0], 0.6, 6e-7);
  EXPECT_NEAR(got.weight[1], 0.4, 6e-7);
}

TEST(TokenChoice, EqualLogitsChooseTheFirstExperts) {
  const Scene scene = scene_of({std::vector<float>(8, 0.25F)}, 8);
  for (const char* section : {"{preset: mixtral, top_k: 5}", "{preset: gpt_oss, top_k: 5}",
                              "{preset: deepseek_v3, num_limited_groups: 5, group_score: max, top_k: 5}"}) {
    EXPECT_EQ(choices_of(scene.route(*router_of(section, 8)), 0).expert, (Ids{0, 1, 2, 3, 4})) << section;
  }
}

TEST(TokenChoice, LlamaFourWeighsTheInput) {
  EXPECT_EQ(scene_of({kLogits}, 8).route(*router_of("{preset: llama4}", 8)).weight_on, WeightOn::input);
  EXPECT_EQ(scene_of({kLogits}, 8).route(*router_of("{preset: switch}", 8)).weight_on, WeightOn::output);
}

TEST(TokenChoice, TheConfigGivesTheFirstBias) {
  EXPECT_EQ(router_of("{kind: token_choice, expert_bias: [0.5, -1]}", 2)->initial_bias(),
            (std::vector<float>{0.5F, -1.0F}));
  EXPECT_TRUE(router_of("{kind: token_choice}", 2)->initial_bias().empty());
}

TEST(TokenChoice, TheGateHasABiasWhereTheConfigSaysSo) {
  EXPECT_EQ(router_of("{preset: gpt_oss}", 8)->gate_rule().logit, Logit::linear_bias);
  EXPECT_EQ(router_of("{preset: mixtral}", 8)->gate_rule().logit, Logit::linear);
}

// Everything one can get wrong, with its exact text. The config's first line is the layer, the second the
// router; num_experts is 8.
struct Wrong {
  const char* section;
  const char* errors;
};

const Wrong kWrong[] = {
    {"{kind: token_choice, top_k: 9}",
     "x.yaml:2:30: error: router.top_k: got 9; expected a whole number from 1 to 8 [out-of-range]\n"
     "  note: x.yaml:1:9: layer.num_experts is 8"},
    {"{preset: deepseek_v3, num_expert_groups: 4, num_limited_groups: 3, top_k: 7}",
     "x.yaml:2:76: error: router.top_k: got 7; expected a whole number from 1 to 6, the experts in the kept "
     "groups [out-of-range]\n"
     "  note: x.yaml:2:53: router.num_limited_groups is 3\n"
     "  note: x.yaml:2:31: router.num_expert_groups is 4\n"
     "  note: x.yaml:1:9: layer.num_experts is 8"},
    {"{preset: deepseek_v3, num_expert_groups: 4, num_limited_groups: 3}",
     "x.yaml:2:1: error: router.top_k: got 8 (preset deepseek_v3); expected a whole number from 1 to 6, the "
     "experts in the kept groups [out-of-range]\n"
     "  note: x.yaml:2:53: router.num_limited_groups is 3\n"
     "  note: x.yaml:2:31: router.num_expert_groups is 4\n"
     "  note: x.yaml:1:9: layer.num_experts is 8"},
    {"{kind: token_choice, num_expert_groups: 3}",
     "x.yaml:2:30: error: router.num_expert_groups: got 3; expected a divisor of 8 [not-divisible]\n"
     "  help: write 2 or 4\n"
     "  note: x.yaml:1:9: layer.num_experts is 8"},
    {"{kind: token_choice, num_expert_groups: 16}",
     "x.yaml:2:30: error: router.num_expert_groups: got 16; expected a divisor of 8 [not-divisible]\n"
     "  help: write 8\n"
     "  note: x.yaml:1:9: layer.num_experts is 8"},
    {"{kind: token_choice, num_expert_groups: 2, num_limited_groups: 3}",
     "x.yaml:2:52: error: router.num_limited_groups: got 3; expected a whole number from 1 to 2 "
     "[out-of-range]\n"
     "  note: x.yaml:2:30: router.num_expert_groups is 2"},
    {"{kind: token_choice, num_limited_groups: 2}",
     "x.yaml:2:30: error: router.num_limited_groups: has no effect because there is one group "
     "(router.num_expert_groups is 1) [no-effect]"},
    {"{kind: token_choice, group_score: max}",
     "x.yaml:2:30: error: router.group_score: has no effect because no group of experts is left out "
     "[no-effect]"},
    {"{kind: token_choice, mask_fill: zero, num_expert_groups: 2, num_limited_groups: 2}",
     "x.yaml:2:30: error: router.mask_fill: has no effect because no group of experts is left out "
     "[no-effect]"},
    {"{kind: token_choice, norm_eps: 0.1}",
     "x.yaml:2:30: error: router.norm_eps: has no effect because no sum is divided by (router.route_norm) "
     "[no-effect]"},
    {"{preset: gpt_oss, route_norm: true}",
     "x.yaml:2:27: error: router.route_norm: has no effect because a softmax over the chosen logits already "
     "sums to 1 (router.softmax_after_top_k is true) [no-effect]"},
    {"{kind: token_choice, expert_bias: [1, 2, 3]}",
     "x.yaml:2:30: error: router.expert_bias: got 3 numbers; expected 8 numbers, one per expert "
     "[wrong-length]\n"
     "  note: x.yaml:1:9: layer.num_experts is 8"},
    {"{kind: token_choice, expert_bias: [0, 0, 0, 0, 0, 0, 0, 1e9]}",
     "x.yaml:2:30: error: router.expert_bias: got 1e9; expected numbers from -1e6 to 1e6 [out-of-range]"},
    {"{kind: token_choice, num_expert_groups: 8, num_limited_groups: 4, group_score: sum_top_2}",
     "x.yaml:2:75: error: router.group_score: got sum_top_2; expected max, as a group holds 1 expert "
     "[bad-relation]\n"
     "  help: write max, or have groups of at least 2 experts\n"
     "  note: x.yaml:2:30: router.num_expert_groups is 8\n"
     "  note: x.yaml:1:9: layer.num_experts is 8"},
    {"{kind: token_choice, num_expert_groups: 4, num_limited_groups: 3, group_score: sum_top_k_over_groups}",
     "x.yaml:2:75: error: router.group_score: got sum_top_k_over_groups; expected max or sum_top_2, as top_k "
     "/ "
     "num_limited_groups rounds down to 0 experts [bad-relation]\n"
     "  note: x.yaml:2:1: router.top_k is 2 (the default)\n"
     "  note: x.yaml:2:52: router.num_limited_groups is 3"},
    {"{kind: token_choice, score_func: raw, route_norm: true}",
     "x.yaml:2:47: error: router.route_norm: got true; expected false, as raw scores may sum to 0 or less "
     "[bad-relation]\n"
     "  help: write softmax_after_top_k: true instead, or choose another score_func\n"
     "  note: x.yaml:2:30: router.score_func is raw"},
};

TEST(TokenChoice, AScaleChoosesAndNeverWeighs) {
  Scene scene = scene_of({{2.0F, 1.0F, 0.5F, -0.5F}}, 4);
  const auto router = router_of("{kind: token_choice, score_func: sigmoid}", 4);
  scene.state.selection_scale = {0.5F, 1.0F, 1.0F,
                                 2.0F};  // sigmoid: .881 .731 .622 .378 → .440 .731 .622 .755
  EXPECT_EQ(choices_of(scene.route(*router), 0).expert, (Ids{3, 1}));
  EXPECT_NEAR(choices_of(scene.route(*router), 0).weight[0], 0.377541, 1e-6);
  scene.state.expert_bias = {0.5F, 0.0F, 0.0F, -0.1F};  // .940 .731 .622 .655
  EXPECT_EQ(choices_of(scene.route(*router), 0).expert, (Ids{0, 1}));
  scene.state.selection_scale.pop_back();
  EXPECT_THROW(scene.route(*router), Error);
}

TEST(TokenChoice, SaysWhatItsBiasIsAddedTo) {
  EXPECT_EQ(router_of("{kind: token_choice}", 2)->traits().bias_unit, BiasUnit::score);
  EXPECT_EQ(
      router_of("{kind: token_choice, expert_bias: [0, 0], expert_bias_on: logit}", 2)->traits().bias_unit,
      BiasUnit::logit);
  EXPECT_EQ(router_of("{kind: token_choice, select_on: logit}", 2)->traits().bias_unit, BiasUnit::logit);
}

TEST(TokenChoice, RefusesWhatMakesNoSense) {
  for (const Wrong& wrong : kWrong) {
    const Built built = build(std::string("layer: {num_experts: 8}\nrouter: ") + wrong.section, 8);
    EXPECT_EQ(built.errors(), wrong.errors) << wrong.section;
    EXPECT_EQ(built.router, nullptr) << wrong.section;
  }
}

TEST(TokenChoice, ReportsSeveralProblemsAtOnce) {
  const Built built = build(
      "layer: {num_experts: 8}\nrouter: {kind: token_choice, top_k: 9, num_expert_groups: 3, typo: 1}", 8);
  EXPECT_EQ(built.binder.diagnostics.list().size(), 3u);
}

TEST(TokenChoice, KeysOfAPresetThatLostTheirEffectAreNoError) {
  EXPECT_NE(router_of("{preset: deepseek_v3, num_expert_groups: 1}", 8), nullptr);
  EXPECT_NE(router_of("{preset: mixtral, softmax_after_top_k: true}", 8), nullptr);
}

}  // namespace
}  // namespace moesim::testing
