// The list, what applies to which input, and wrong inputs.

#include <gtest/gtest.h>

#include <cmath>

#include "loss_scene.h"

namespace moesim::testing {
namespace {

TEST(LossCatalogue, HoldsSixteenLosses) {
  EXPECT_EQ(losses().names(),
            (std::vector<std::string>{"deepseek_comm", "deepseek_device", "deepseek_expert", "entropy",
                                      "fairscale", "global_batch", "gshard_top1", "importance_cv2",
                                      "load_cv2", "moepp_hetero", "remoe_l1", "seq_wise", "switch",
                                      "switch_topk_mean", "switch_topk_sum", "z_loss"}));
}

TEST(LossCatalogue, SaysEverythingAboutEachLoss) {
  for (const LossEntry& entry : losses().entries()) {
    EXPECT_FALSE(entry.summary.empty()) << entry.name;
    EXPECT_FALSE(entry.formula.empty()) << entry.name;
    EXPECT_FALSE(entry.at_balance.empty()) << entry.name;
    EXPECT_FALSE(entry.default_weight.empty()) << entry.name;
    EXPECT_FALSE(entry.users.empty()) << entry.name;
    EXPECT_TRUE(entry.origin.find("arXiv:") != std::string::npos ||
                entry.origin.find(".py") != std::string::npos)
        << entry.name;
    EXPECT_EQ(entry.summary.find('\n'), std::string::npos) << entry.name;
  }
}

TEST(LossCatalogue, ChoicesHaveWordsForConfigs) {
  std::vector<std::string> names;
  for (const FieldInfo& info : fields_of<LossChoices>().infos()) {
    names.push_back(info.name + "=" + info.default_text);
    EXPECT_FALSE(info.doc.empty()) << info.name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"counted=assigned", "scope=batch", "cv=population",
                                             "importance_of=scores", "load_threshold=kth_excluding",
                                             "global_mean=local", "l1_weighting=balanced"}));
}

std::string why_not(const LossScene& scene, const std::string& name) {
  for (const NamedLoss& loss : scene.all()) {
    if (loss.name == name) {
      EXPECT_NE(loss.loss.has_value(), !loss.why_not.empty());
      return loss.why_not;
    }
  }
  return "missing";
}

TEST(AllLosses, ComeInTheOrderOfTheCatalogueWithTheSameNumbers) {
  const LossScene scene = small_scene();
  const std::vector<NamedLoss> all = scene.all();
  ASSERT_EQ(all.size(), losses().entries().size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].name, losses().entries()[i].name);
    if (all[i].loss) {
      EXPECT_EQ(all[i].loss->value, scene.value(all[i].name));
      EXPECT_EQ(all[i].loss->gradient, scene.loss(all[i].name).gradient);
    }
  }
}

TEST(AllLosses, SayWhyALossDoesNotApply) {
  LossScene scene = small_scene();
  EXPECT_EQ(why_not(scene, "load_cv2"), "the router adds no Gaussian noise to its logits");
  EXPECT_EQ(why_not(scene, "deepseek_device"), "all experts are on one device");
  EXPECT_EQ(why_not(scene, "deepseek_comm"), "all experts are on one device");
  EXPECT_EQ(why_not(scene, "moepp_hetero"), "no expert is a zero-computation expert");
  EXPECT_EQ(why_not(scene, "remoe_l1"), "the router's scores are not relu");
  EXPECT_EQ(why_not(scene, "switch"), "");
  scene.noise.assign(16, 0.1);
  scene.noise_std = {1};
  scene.num_devices = 2;
  scene.num_zero_experts = 1;
  scene.score_func = ScoreFunc::relu;
  for (const NamedLoss& loss : scene.all()) {
    EXPECT_EQ(loss.why_not, "") << loss.name;
    EXPECT_TRUE(loss.loss.has_value()) << loss.name;
  }
}

TEST(AllLosses, DoNotApplyToRoutersWithoutLogits) {
  LossScene scene = small_scene();
  scene.logits.clear();
  for (const NamedLoss& loss : scene.all()) {
    EXPECT_EQ(loss.why_not, "the router looks at no logits") << loss.name;
    EXPECT_FALSE(loss.loss.has_value()) << loss.name;
  }
}

TEST(Losses, TakeLogitsExactly) {
  Matrix logits(2, 2);
  logits.row(0)[0] = 0.1F;
  logits.row(0)[1] = -3.0F;
  logits.row(1)[0] = 1e30F;
  logits.row(1)[1] = 0.0F;
  EXPECT_EQ(in_double(logits.view()), (std::vector<double>{0.1F, -3.0, 1e30F, 0.0}));
  EXPECT_TRUE(in_double(MatrixView{}).empty());
}

std::string error_of(const LossScene& scene, ErrorKind kind = ErrorKind::config) {
  try {
    scene.value("switch");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  return "no error";
}

TEST(LossInput, SizesThatDoNotFitAreErrors) {
  LossScene scene = small_scene();
  scene.top_k = 5;
  EXPECT_EQ(error_of(scene),
            "losses: error: top_k 5 of 4 experts; expected a whole number from 1 to 4 [out-of-range]");
  scene = small_scene();
  scene.num_devices = 3;
  EXPECT_EQ(error_of(scene),
            "losses: error: 4 experts on 3 devices; expected as many experts on each device [not-divisible]");
  scene.num_devices = 0;
  EXPECT_EQ(error_of(scene),
            "losses: error: 4 experts on 0 devices; expected as many experts on each device [not-divisible]");
  scene.num_devices = 2;
  scene.max_devices = 3;
  EXPECT_EQ(error_of(scene),
            "losses: error: a token on 3 of 2 devices; expected a whole number from 1 to 2 [out-of-range]");
  scene = small_scene();
  scene.num_zero_experts = 5;
  EXPECT_EQ(
      error_of(scene),
      "losses: error: 5 zero-computation experts of 4; expected a whole number from 0 to 4 [out-of-range]");
  scene = small_scene();
  scene.zero_expert_weight = -0.5;
  EXPECT_EQ(
      error_of(scene),
      "losses: error: a weight of zero-computation experts of -0.5; expected a number that is not negative "
      "[out-of-range]");
  scene = small_scene();
  scene.noise.assign(16, 0.1);
  scene.noise_std = {0};
  EXPECT_EQ(error_of(scene),
            "losses: error: a noise of deviation 0; expected a number above 0 [out-of-range]");
}

TEST(LossInput, NumbersThatAreNotFiniteAreErrorsThatNameThePlace) {
  LossScene scene = small_scene();
  scene.logits[6] = NAN;
  EXPECT_EQ(error_of(scene, ErrorKind::bad_data),
            "losses: error: the logit of token 1, expert 2 is nan; expected a finite number [not-finite]");
  scene = small_scene();
  scene.noise.assign(16, 0.1);
  scene.noise[15] = HUGE_VAL;
  scene.noise_std = {1};
  EXPECT_EQ(
      error_of(scene, ErrorKind::bad_data),
      "losses: error: the noisy logit of token 3, expert 3 is inf; expected a finite number [not-finite]");
}

TEST(LossInput, PartsOfOtherSizesAreOurMistake) {
  LossScene scene = small_scene();
  scene.logits.pop_back();
  EXPECT_NE(error_of(scene, ErrorKind::internal).find("one logit per token and expert"), std::string::npos);
  scene = small_scene();
  scene.sequence_begin = {0, 3};
  EXPECT_NE(error_of(scene, ErrorKind::internal).find("sequences begin at 0"), std::string::npos);
  scene.sequence_begin = {0, 3, 2, 4};
  EXPECT_NE(error_of(scene, ErrorKind::internal).find("sequences begin at 0"), std::string::npos);
  scene = small_scene();
  scene.assignments.expert[3] = 4;
  EXPECT_NE(error_of(scene, ErrorKind::internal).find("does not exist"), std::string::npos);
  scene = small_scene();
  scene.all_batches = {.routed_per_expert = {1, 1, 1}, .tokens = 9, .steps = 1};
  EXPECT_NE(error_of(scene, ErrorKind::internal).find("one number per expert"), std::string::npos);
  scene.all_batches = {.routed_per_expert = {1, 1, 1, 1}, .tokens = 3, .steps = 1};
  EXPECT_NE(error_of(scene, ErrorKind::internal).find("must hold this batch"), std::string::npos);
}

}  // namespace
}  // namespace moesim::testing
