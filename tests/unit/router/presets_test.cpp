#include <gtest/gtest.h>

#include "building.h"
#include "config/yaml.h"

namespace moesim::testing {
namespace {

TEST(Presets, EveryOneIsToldAndBuilds) {
  for (const RouterPreset& preset : router_presets().entries()) {
    EXPECT_FALSE(preset.summary.empty()) << preset.name;
    EXPECT_FALSE(preset.used_by.empty()) << preset.name;
    EXPECT_FALSE(preset.origin.empty()) << preset.name;
    EXPECT_NE(router_of("{preset: " + preset.name + "}", 256), nullptr) << preset.name;
  }
}

// The models and methods a reader will look for by name.
TEST(Presets, HoldTheNamedModels) {
  for (const char* name : {"switch",      "gshard",
                           "fairscale",   "mesh",
                           "vmoe",        "noisy_topk",
                           "st_moe",      "mixtral",
                           "olmoe",       "qwen2_moe",
                           "qwen3_moe",   "dbrx",
                           "grok1",       "jamba",
                           "granite_moe", "gpt_oss",
                           "phi35_moe",   "deepseek_moe_16b",
                           "deepseek_v2", "deepseek_v2_lite",
                           "deepseek_v3", "kimi_k2",
                           "glm45",       "ernie45",
                           "llama4",      "longcat_flash",
                           "minimax_m2",  "hunyuan_large",
                           "nllb",        "expert_choice",
                           "base_layers", "sbase",
                           "soft_moe",    "hash_layer",
                           "remoe",       "top_p",
                           "moepp",       "deepseek_v4"}) {
    EXPECT_NE(router_presets().find(name), nullptr) << name;
  }
  EXPECT_GE(router_presets().names().size(), 45U);
}

TEST(Presets, VariantsNameAPresetThatIsNone) {
  for (const RouterPreset& preset : router_presets().entries()) {
    const RouterPreset* of = preset.variant_of.empty() ? nullptr : router_presets().find(preset.variant_of);
    EXPECT_TRUE(preset.variant_of.empty() || (of != nullptr && of->variant_of.empty())) << preset.name;
  }
}

// What training adds is told as a difference from the model, and its room is the room of training.
TEST(Presets, ForTrainingAreVariantsOfTheModel) {
  const std::string suffix = "_train";
  for (const RouterPreset& preset : router_presets().entries()) {
    if (preset.name.size() > suffix.size() &&
        preset.name.compare(preset.name.size() - suffix.size(), suffix.size(), suffix) == 0) {
      EXPECT_EQ(preset.variant_of + suffix, preset.name);
    }
  }
  EXPECT_EQ(router_presets().find("vmoe_train")->capacity.child("factor")->text, "1.05");
}

// One name may be a family and its preset, but never two different things.
TEST(Presets, ThatAreCalledAsAFamilyAreOfIt) {
  for (const RouterPreset& preset : router_presets().entries()) {
    if (router_families().find(preset.name) != nullptr) {
      EXPECT_EQ(preset.section.child("kind")->text, preset.name);
    }
  }
}

TEST(Presets, ValuesSayWhichPresetTheyAreFrom) {
  const Built built = build("router: {preset: deepseek_v3, route_scale: 3}", 256);
  EXPECT_EQ(built.resolved("router.preset"), "deepseek_v3 from x.yaml:1:18");
  EXPECT_EQ(built.resolved("router.kind"), "token_choice from preset deepseek_v3");
  EXPECT_EQ(built.resolved("router.top_k"), "8 from preset deepseek_v3");
  EXPECT_EQ(built.resolved("router.norm_eps"), "1e-20 from preset deepseek_v3");
  EXPECT_EQ(built.resolved("router.route_scale"), "3 from x.yaml:1:44");
  EXPECT_EQ(built.resolved("router.weight_on"), "output from default");
}

TEST(Presets, KeysBesideAPresetReplaceSingleStages) {
  const Scene scene = scene_of({{2.0F, 1.0F, 0.5F, -0.5F}}, 4);
  const TokenChoices preset = choices_of(scene.route(*router_of("{preset: mixtral}", 4)), 0);
  const TokenChoices other = choices_of(scene.route(*router_of("{preset: mixtral, top_k: 3}", 4)), 0);
  EXPECT_EQ(preset.expert.size(), 2u);
  EXPECT_EQ(other.expert, (std::vector<std::int32_t>{0, 1, 2}));
  EXPECT_NEAR(other.weight[0] + other.weight[1] + other.weight[2], 1.0F, 1e-6F);
}

Node section_of(const std::string& yaml) {
  Diagnostics diagnostics;
  return parse_yaml(yaml, "x.yaml", diagnostics);
}

TEST(Presets, SwitchBringsItsCapacity) {
  const Node* capacity = preset_capacity(section_of("preset: switch"));
  ASSERT_NE(capacity, nullptr);
  EXPECT_EQ(capacity->child("factor")->text, "1.25");
  EXPECT_EQ(capacity->child("formula")->text, "switch");
  EXPECT_EQ(capacity->child("drop")->text, "position_token_major");
  EXPECT_EQ(capacity->child("drop")->where.text(), "preset switch");
}

// transformers, models/nllb_moe/modeling_nllb_moe.py, route_tokens: the first expert is the best of the
// softmax, the second the best of the other logits, also where their softmax is 0 in float.
TEST(Presets, NllbTakesItsSecondExpertByLogit) {
  const Scene scene = scene_of({{200.0F, -50.0F, 0.0F, 1.0F}}, 4);
  const TokenChoices choices = choices_of(scene.route(*router_of("{preset: nllb}", 4)), 0);
  EXPECT_EQ(choices.expert, (std::vector<std::int32_t>{0, 3}));
  EXPECT_EQ(choices.weight, (std::vector<float>{1.0F, 0.0F}));
}

// mlx-lm, mlx_lm/models/deepseek_v2.py, MoEGate: weights are read from the masked scores, so that an expert
// of an excluded group weighs 0 even where too few others are left with a score above 0.
TEST(Presets, ExcludedGroupsWeighNothingInMlxsDeepSeekV2) {
  std::vector<float> logits(16, -400.0F);
  logits[0] = -3.0F;  // the fourth best group; three are kept
  logits[2] = 0.0F;
  logits[4] = -1.0F;
  logits[6] = -2.0F;
  const Scene scene = scene_of({logits}, 16);
  for (const char* preset : {"deepseek_v2", "deepseek_v2_mlx"}) {
    const TokenChoices choices =
        choices_of(scene.route(*router_of(std::string("{preset: ") + preset + "}", 16)), 0);
    for (std::size_t j = 0; j < choices.expert.size(); ++j) {
      EXPECT_EQ(choices.weight[j] > 0.0F, j < 3) << preset << ", expert " << choices.expert[j];
    }
  }
}

TEST(Presets, OthersBringNone) {
  for (const char* yaml : {"preset: mixtral", "preset: nothing", "preset: [switch]", "kind: switch", "{}"}) {
    EXPECT_EQ(preset_capacity(section_of(yaml)), nullptr) << yaml;
  }
}

}  // namespace
}  // namespace moesim::testing
