// What must hold of every loss: its value at balance, its factors, its edges.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

#include "loss_scene.h"

namespace moesim::testing {
namespace {

TEST(Losses, TakeTheValueOfTheCatalogueAtPerfectBalance) {
  for (const Index experts : {2, 4, 8, 12}) {
    for (const Index top_k : {Index{1}, Index{2}, experts}) {
      for (const ScoreFunc func : {ScoreFunc::softmax, ScoreFunc::sigmoid, ScoreFunc::sqrt_softplus}) {
        LossScene scene = balanced_scene(3 * experts, experts, top_k);
        scene.score_func = func;
        scene.num_devices = 2;
        scene.num_zero_experts = 1;
        scene.sequence_begin = {0, experts, 3 * experts};
        scene.noise.assign(scene.logits.size(), 0);
        // The noise sends token t to the experts of its assignments.
        for (Index t = 0; t < 3 * experts; ++t) {
          for (Index j = 0; j < top_k; ++j) {
            scene.noise[t * experts + (t + j) % experts] = static_cast<double>(top_k - j);
          }
        }
        scene.noise_std = {1.0};
        std::vector<double> noisy;
        const LossInput input = scene.input(noisy);
        for (const LossEntry& entry : losses().entries()) {
          if (const std::optional<double> expected = entry.balanced(input)) {
            EXPECT_NEAR(compute_loss(entry, input).value, *expected, 1e-12)
                << entry.name << ": " << entry.at_balance << ", E " << experts << ", k " << top_k;
          }
        }
      }
    }
  }
}

TEST(Losses, CommunicationFallsBelowOneByTheDevicesTokensDoNotUse) {
  LossScene scene = balanced_scene(16, 8, 2);  // every second token needs one device, the others two
  scene.num_devices = 4;
  scene.max_devices = 2;
  EXPECT_NEAR(scene.value("deepseek_comm"), 0.75, 1e-12);
  scene.max_devices = 0;  // min(D, k) = 2
  EXPECT_NEAR(scene.value("deepseek_comm"), 0.75, 1e-12);
  scene.max_devices = 3;
  EXPECT_NEAR(scene.value("deepseek_comm"), 0.5, 1e-12);
}

TEST(Losses, OfUniformLogitsZLossAndEntropyAreKnown) {
  const LossScene scene = balanced_scene(8, 8, 2);
  EXPECT_NEAR(scene.value("z_loss"), std::log(8.0) * std::log(8.0), 1e-12);
  EXPECT_NEAR(scene.value("entropy"), std::log(8.0), 1e-12);
}

TEST(Losses, ConventionsOfOneLossDifferByTheirFactors) {
  for (std::uint64_t i = 0; i < 300; ++i) {
    LossScene scene = random_loss_case(i).scene;
    const auto k = static_cast<double>(scene.top_k);
    const auto experts = static_cast<double>(scene.assignments.num_experts);
    const double mean = scene.value("switch_topk_mean");
    const double tolerance = 1e-12 * (1 + mean);
    EXPECT_EQ(scene.value("switch"), scene.value("gshard_top1"));
    EXPECT_NEAR(scene.value("fairscale") * experts * experts, scene.value("switch"), tolerance);
    EXPECT_NEAR(scene.value("switch_topk_sum"), k * mean, k * tolerance);
    EXPECT_EQ(scene.value("deepseek_expert"), mean);
    scene.zero_expert_weight = 1;
    EXPECT_NEAR(scene.value("moepp_hetero"), k * mean / experts, tolerance);
    scene.num_devices = scene.assignments.num_experts;
    scene.max_devices = std::min(scene.num_devices, scene.top_k);
    EXPECT_NEAR(scene.value("deepseek_device"), mean, tolerance);
    EXPECT_NEAR(scene.value("deepseek_comm"), mean, tolerance);
    scene.sequence_begin.clear();
    scene.choices.scope = LossScope::batch;
    EXPECT_EQ(scene.value("seq_wise"), scene.value("switch_topk_mean"));
    scene.all_batches = {};
    EXPECT_NEAR(scene.value("global_batch"), scene.value("switch_topk_mean"), tolerance);
  }
}

TEST(Losses, OnOneDeviceThereIsNothingToBalance) {
  LossScene scene = small_scene();
  const Loss device = scene.loss("deepseek_device");
  EXPECT_NEAR(device.value, 1, 1e-12);
  for (const double g : device.gradient) {
    EXPECT_NEAR(g, 0, 1e-15);
  }
}

TEST(Losses, CountTheRoutersChoicesOrThoseOfThePlainScores) {
  LossScene scene = small_scene();
  scene.assignments = assignments_of(4, {{3, 2}, {3, 2}, {3, 2}, {3, 2}});  // a bias chose
  EXPECT_LT(scene.value("switch_topk_mean"), 1);
  scene.choices.counted = Counted::top_scores;
  EXPECT_NEAR(scene.value("switch_topk_mean"), 1.427787, 5.1e-7);
  std::vector<double> noisy;
  EXPECT_EQ(count_batch(scene.input(noisy)).routed_per_expert, (Counts{4, 3, 1, 0}));
}

TEST(Losses, TiesOfPlainScoresGoToTheLowestExpert) {
  LossScene scene = balanced_scene(3, 4, 2);
  scene.choices.counted = Counted::top_scores;
  std::vector<double> noisy;
  EXPECT_EQ(count_batch(scene.input(noisy)).routed_per_expert, (Counts{3, 3, 0, 0}));
}

TEST(Losses, OfNoTokensAreZero) {
  LossScene scene = balanced_scene(0, 4, 2);
  scene.num_devices = 2;
  scene.score_func = ScoreFunc::relu;
  for (const LossEntry& entry : losses().entries()) {
    const Loss loss = scene.loss(entry.name);
    EXPECT_EQ(loss.value, 0) << entry.name;
    EXPECT_TRUE(loss.gradient.empty()) << entry.name;
  }
}

TEST(Losses, OfOneExpertHaveNoGradientUnderSoftmax) {
  LossScene scene = balanced_scene(3, 1, 1);
  scene.logits = {-2, 0, 5};
  scene.noise = {0.5, 0.5, 0.5};
  scene.noise_std = {1};
  for (const LossEntry& entry : losses().entries()) {
    const Loss loss = scene.loss(entry.name);
    if (entry.name == "z_loss" || entry.name == "remoe_l1") {
      continue;
    }
    EXPECT_EQ(loss.value, entry.name == "entropy" || entry.name.find("cv2") != std::string::npos ? 0 : 1)
        << entry.name;
    for (const double g : loss.gradient) {
      EXPECT_EQ(g, 0) << entry.name;
    }
  }
}

TEST(Losses, StayFiniteAtExtremeLogits) {
  for (const ScoreFunc func :
       {ScoreFunc::softmax, ScoreFunc::sigmoid, ScoreFunc::sqrt_softplus, ScoreFunc::relu, ScoreFunc::raw}) {
    for (const double size : {1e-300, 30.0, 800.0, 1e30}) {
      LossScene scene = small_scene();
      scene.score_func = func;
      scene.num_devices = 2;
      scene.logits = {size, -size, 0,    0,    -size, -size, -size, -size,
                      size, size,  size, size, 0,     size,  -size, size};
      scene.noise.assign(16, 0.25);
      scene.noise_std = {0.5};
      for (const LossEntry& entry : losses().entries()) {
        const Loss loss = scene.loss(entry.name);
        EXPECT_TRUE(std::isfinite(loss.value)) << entry.name << " at " << size;
        for (const double g : loss.gradient) {
          EXPECT_TRUE(std::isfinite(g)) << entry.name << " at " << size;
        }
      }
    }
  }
}

RC_GTEST_PROP(Losses, AreAtLeastOneWhereTheLoadsAreTheMeanScores, ()) {
  // Σ E·f_i·P_i >= 1 for f = P by Cauchy and Schwarz: the reason why 1 is called balance.
  const auto experts = *rc::gen::inRange(1, 9);
  const auto tokens = *rc::gen::inRange(1, 9);
  LossScene scene = balanced_scene(tokens, experts, 1);
  for (double& z : scene.logits) {
    z = *rc::gen::inRange(-4, 5);
  }
  scene.all_batches.tokens = 1000000;
  scene.all_batches.steps = 1;
  std::vector<double> noisy;
  for (int e = 0; e < experts; ++e) {  // P in millionths
    double mean = 0;
    for (int t = 0; t < tokens; ++t) {
      double sum = 0;
      for (int j = 0; j < experts; ++j) {
        sum += std::exp(scene.logits[t * experts + j]);
      }
      mean += std::exp(scene.logits[t * experts + e]) / sum / tokens;
    }
    scene.all_batches.routed_per_expert.push_back(static_cast<std::uint64_t>(std::llround(mean * 1e6)));
  }
  RC_ASSERT(scene.value("global_batch") >= 1 - 1e-4);
}

}  // namespace
}  // namespace moesim::testing
