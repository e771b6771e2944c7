// Every gradient against differences of the value. Choices are held constant, as the losses hold them: logits
// of a row differ by more than the step, so that no selection changes, and the noise stays what it was.

#include <gtest/gtest.h>

#include <cmath>

#include "loss_scene.h"

namespace moesim::testing {
namespace {

constexpr double kStep = 1e-4;

// The fourth-order central difference with respect to logit i.
double difference(const LossScene& scene, const std::string& name, std::size_t i) {
  const auto at = [&](double steps) {
    LossScene moved = scene;
    moved.logits[i] += steps * kStep;
    return moved.value(name);
  };
  return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * kStep);
}

TEST(Losses, GradientsEqualDifferencesOfTheValue) {
  int compared = 0;
  for (std::uint64_t input = 0; input < 250; ++input) {
    const LossScene scene = random_loss_case(input, {.ties = false, .max_tokens = 5}).scene;
    for (const LossEntry& entry : losses().entries()) {
      const Loss loss = scene.loss(entry.name);
      ASSERT_EQ(loss.gradient.size(), scene.logits.size()) << entry.name;
      for (std::size_t i = 0; i < scene.logits.size(); ++i) {
        ASSERT_NEAR(loss.gradient[i], difference(scene, entry.name, i), 1e-8 * (1 + std::abs(loss.value)))
            << entry.name << ", input " << input << ", logit " << i;
        ++compared;
      }
    }
  }
  EXPECT_GT(compared, 30000);
}

TEST(Losses, GradientsAreRightAtTiedLogitsWhereTheChoicesAreGiven) {
  for (std::uint64_t input = 0; input < 100; ++input) {
    LossScene scene = random_loss_case(input, {.ties = true, .max_tokens = 5}).scene;
    scene.choices.counted = Counted::assigned;
    scene.score_func = ScoreFunc::sigmoid;
    for (const LossEntry& entry : losses().entries()) {
      if (entry.name == "load_cv2" || entry.name == "remoe_l1") {
        continue;  // their thresholds lie on the ties
      }
      const Loss loss = scene.loss(entry.name);
      for (std::size_t i = 0; i < scene.logits.size(); ++i) {
        ASSERT_NEAR(loss.gradient[i], difference(scene, entry.name, i), 1e-8 * (1 + std::abs(loss.value)))
            << entry.name << ", input " << input << ", logit " << i;
      }
    }
  }
}

// By hand: E = 2, T = 1, logits 0 and 0, expert 0 chosen. L = 2·p0, dL/dz = 2·p0·p1·(1, −1).
TEST(Losses, GradientOfTheSwitchLossByHand) {
  LossScene scene;
  scene.logits = {0, 0};
  scene.top_k = 1;
  scene.assignments = assignments_of(2, {{0}});
  const Loss loss = scene.loss("switch");
  EXPECT_DOUBLE_EQ(loss.value, 1.0);
  EXPECT_DOUBLE_EQ(loss.gradient[0], 0.5);
  EXPECT_DOUBLE_EQ(loss.gradient[1], -0.5);
}

TEST(Losses, AStepDownTheGradientLowersTheLoss) {
  for (std::uint64_t input = 0; input < 100; ++input) {
    LossScene scene = random_loss_case(input, {.ties = false, .max_tokens = 17}).scene;
    scene.choices.counted = Counted::assigned;
    for (const LossEntry& entry : losses().entries()) {
      const Loss loss = scene.loss(entry.name);
      double squares = 0;
      for (const double g : loss.gradient) {
        squares += g * g;
      }
      if (squares < 1e-12) {
        continue;
      }
      LossScene moved = scene;
      const double step = 1e-3 / std::sqrt(squares);
      for (std::size_t i = 0; i < moved.logits.size(); ++i) {
        moved.logits[i] -= step * loss.gradient[i];
      }
      EXPECT_LT(moved.value(entry.name), loss.value) << entry.name << ", input " << input;
    }
  }
}

// Softmax scores do not change with a constant added to a token's logits.
TEST(Losses, RowsOfTheGradientSumToZeroUnderSoftmax) {
  for (std::uint64_t input = 0; input < 200; ++input) {
    LossScene scene = random_loss_case(input).scene;
    scene.score_func = ScoreFunc::softmax;
    for (const LossEntry& entry : losses().entries()) {
      if (entry.name == "z_loss" || entry.name == "remoe_l1" || entry.name == "load_cv2") {
        continue;
      }
      const Loss loss = scene.loss(entry.name);
      const auto experts = static_cast<std::size_t>(scene.assignments.num_experts);
      for (std::size_t t = 0; t * experts < loss.gradient.size(); ++t) {
        double sum = 0;
        for (std::size_t e = 0; e < experts; ++e) {
          sum += loss.gradient[t * experts + e];
        }
        ASSERT_NEAR(sum, 0, 1e-13 * (1 + std::abs(loss.value))) << entry.name << ", input " << input;
      }
    }
  }
}

}  // namespace
}  // namespace moesim::testing
