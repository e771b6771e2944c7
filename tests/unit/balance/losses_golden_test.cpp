// One batch, every loss: T = E = 4, top_k 2. Six digits, computed by hand-written loops in another language.

#include <gtest/gtest.h>

#include "balance/cv_squared.h"
#include "loss_scene.h"

namespace moesim::testing {
namespace {

constexpr double kSixDigits = 5.1e-7;

TEST(Losses, ConventionsOfFirstChoicesOnOneBatch) {
  const LossScene scene = small_scene();
  EXPECT_NEAR(scene.value("switch"), 1.431147, kSixDigits);
  EXPECT_NEAR(scene.value("gshard_top1"), 1.431147, kSixDigits);
  EXPECT_NEAR(scene.value("fairscale"), 0.089447, kSixDigits);
}

TEST(Losses, ConventionsOfTopKOnOneBatch) {
  const LossScene scene = small_scene();
  EXPECT_NEAR(scene.value("switch_topk_sum"), 2.855574, kSixDigits);
  EXPECT_NEAR(scene.value("switch_topk_mean"), 1.427787, kSixDigits);
  EXPECT_NEAR(scene.value("deepseek_expert"), 1.427787, kSixDigits);
}

TEST(Losses, SequenceWiseOnOneBatch) {
  LossScene scene = small_scene();
  scene.score_func = ScoreFunc::sigmoid;
  EXPECT_NEAR(scene.value("seq_wise"), 1.180215, kSixDigits);
  scene.sequence_begin = {0, 2, 4};
  EXPECT_NEAR(scene.value("seq_wise"), 1.213159, kSixDigits);
  scene.score_func = ScoreFunc::softmax;
  EXPECT_NEAR(scene.value("seq_wise"), 1.567421, kSixDigits);
}

TEST(Losses, GlobalBatchOnOneBatch) {
  LossScene scene = small_scene();
  EXPECT_NEAR(scene.value("global_batch"), 1.427787, kSixDigits);
  scene.all_batches = {.routed_per_expert = {6, 5, 3, 2}, .tokens = 8, .steps = 1};
  EXPECT_NEAR(scene.value("global_batch"), 1.213893, kSixDigits);
  // The other rank makes up for all of this one's imbalance.
  scene.all_batches = {.routed_per_expert = {4, 4, 4, 4}, .tokens = 8, .steps = 1};
  EXPECT_NEAR(scene.value("global_batch"), 1.0, 1e-12);
  scene.choices.global_mean = GlobalMean::share;
  EXPECT_NEAR(scene.value("global_batch"), 0.5, 1e-12);
}

TEST(Losses, DevicesOnOneBatch) {
  LossScene scene = small_scene();
  scene.num_devices = 2;
  scene.max_devices = 2;
  EXPECT_NEAR(scene.value("deepseek_device"), 1.318320, kSixDigits);
  EXPECT_NEAR(scene.value("deepseek_comm"), 0.784160, kSixDigits);
}

TEST(Losses, ImportanceOnOneBatch) {
  LossScene scene = small_scene();
  EXPECT_NEAR(scene.value("importance_cv2"), 0.373300, kSixDigits);
  scene.choices.cv = CvForm::unbiased;
  EXPECT_NEAR(scene.value("importance_cv2"), 0.497734, kSixDigits);
  scene.choices.importance_of = ImportanceOf::weights;
  EXPECT_NEAR(scene.value("importance_cv2"), 0.802186, kSixDigits);
  scene.choices.cv = CvForm::population;
  EXPECT_NEAR(scene.value("importance_cv2"), 0.601639, kSixDigits);
}

TEST(Losses, CvOfCountsOnOneBatch) {
  const double counts[] = {4, 3, 1, 0};
  EXPECT_DOUBLE_EQ(cv_squared(counts, CvForm::population).value, 0.625);
  EXPECT_NEAR(cv_squared(counts, CvForm::unbiased).value, 0.833333, kSixDigits);
}

TEST(Losses, LoadOnOneBatch) {
  LossScene scene = small_scene();
  scene.noise = {0.3, -0.4, 0.1, 0.2, -0.2, 0.1, 0.4, -0.3, 0.0, 0.6, -0.5, 0.1, 0.2, -0.1, 0.3, -0.6};
  scene.noise_std = {0.5};
  EXPECT_NEAR(scene.value("load_cv2"), 0.459055, kSixDigits);
  scene.choices.cv = CvForm::unbiased;
  EXPECT_NEAR(scene.value("load_cv2"), 0.612074, kSixDigits);
  scene.choices = {.load_threshold = LoadThreshold::kth};
  EXPECT_NEAR(scene.value("load_cv2"), 0.439760, kSixDigits);
  scene.choices = {.cv = CvForm::unbiased, .load_threshold = LoadThreshold::kth_of_scores};
  EXPECT_NEAR(scene.value("load_cv2"), 0.493678, kSixDigits);
}

TEST(Losses, TheOthersOnOneBatch) {
  LossScene scene = small_scene();
  EXPECT_NEAR(scene.value("z_loss"), 7.917175, kSixDigits);
  EXPECT_NEAR(scene.value("entropy"), 0.923484, kSixDigits);
  scene.num_zero_experts = 2;
  EXPECT_NEAR(scene.value("moepp_hetero"), 0.698650, kSixDigits);
  scene.zero_expert_weight = 0.1;
  EXPECT_NEAR(scene.value("moepp_hetero"), 0.659017, kSixDigits);
  scene.score_func = ScoreFunc::relu;
  EXPECT_NEAR(scene.value("remoe_l1"), 7.3125, kSixDigits);
  scene.choices.l1_weighting = L1Weighting::plain;
  EXPECT_NEAR(scene.value("remoe_l1"), 3.875, kSixDigits);
}

}  // namespace
}  // namespace moesim::testing
