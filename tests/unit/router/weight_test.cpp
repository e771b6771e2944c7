#include "router/weight.h"

#include <gtest/gtest.h>

namespace moesim {
namespace {

std::vector<float> weigh(const WeightRule& rule, const std::vector<float>& scores,
                         const std::vector<float>& logits) {
  std::vector<float> weights(scores.size());
  make_weights(rule, {scores, logits}, weights);
  return weights;
}

TEST(Weight, RawIsTheScoreTimesTheScale) {
  EXPECT_EQ(weigh({}, {0.5F, 0.25F}, {1, 2}), (std::vector<float>{0.5F, 0.25F}));
  EXPECT_EQ(weigh({.route_scale = 16.0}, {0.5F, 0.25F}, {1, 2}), (std::vector<float>{8.0F, 4.0F}));
}

TEST(Weight, RenormalisedSumsToTheScale) {
  EXPECT_EQ(weigh({.renormalise = true, .route_scale = 2.0}, {0.75F, 0.25F}, {1, 2}),
            (std::vector<float>{1.5F, 0.5F}));
}

TEST(Weight, RenormalisedSingleChoiceIsOne) {
  EXPECT_EQ(weigh({.renormalise = true}, {0.4F}, {1}), (std::vector<float>{1.0F}));
}

TEST(Weight, EpsilonIsAddedToTheSum) {
  EXPECT_EQ(weigh({.renormalise = true, .norm_eps = 1.0}, {0.75F, 0.25F}, {1, 2}),
            (std::vector<float>{0.375F, 0.125F}));
}

TEST(Weight, ScoresThatSumToZeroGiveZeroAndNotNan) {
  EXPECT_EQ(weigh({.renormalise = true}, {0.0F, 0.0F}, {1, 2}), (std::vector<float>{0.0F, 0.0F}));
  EXPECT_EQ(weigh({.renormalise = true, .norm_eps = 1e-20}, {0.0F, 0.0F}, {1, 2}),
            (std::vector<float>{0.0F, 0.0F}));
}

TEST(Weight, TinyScoresAreStillRenormalised) {
  EXPECT_EQ(weigh({.renormalise = true}, {1e-45F, 1e-45F}, {1, 2}), (std::vector<float>{0.5F, 0.5F}));
}

TEST(Weight, SoftmaxOverTheChosenLogitsIgnoresScores) {
  const auto weights =
      weigh({.softmax_selected = true, .route_scale = 3.0}, {9.0F, 9.0F}, {1000.0F, 1000.0F});
  EXPECT_EQ(weights, (std::vector<float>{1.5F, 1.5F}));
}

TEST(Weight, NamesOfWhatItMultiplies) {
  EXPECT_EQ(enum_text(WeightOn::output), "output");
  EXPECT_EQ(enum_text(WeightOn::input), "input");
}

}  // namespace
}  // namespace moesim
