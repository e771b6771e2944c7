#include "router/score.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

namespace moesim {
namespace {

std::vector<float> score(ScoreFunc func, const std::vector<float>& logits) {
  std::vector<float> scores(logits.size());
  score_row(func, logits, scores);
  return scores;
}

std::vector<ScoreFunc> all_funcs() {
  std::vector<ScoreFunc> funcs;
  for (const EnumName<ScoreFunc>& entry : enum_names(ScoreFunc{})) {
    funcs.push_back(entry.value);
  }
  return funcs;
}

const float kMax = std::numeric_limits<float>::max();

TEST(Score, HasFiveFunctions) {
  EXPECT_EQ(all_funcs().size(), 5u);
}

TEST(Score, KnownValues) {
  EXPECT_FLOAT_EQ(score(ScoreFunc::softmax, {0.0F, std::log(3.0F)})[1], 0.75F);
  EXPECT_FLOAT_EQ(score(ScoreFunc::sigmoid, {2.0F})[0], 0.880797078F);
  EXPECT_FLOAT_EQ(score(ScoreFunc::sigmoid, {-2.0F})[0], 0.119202922F);
  EXPECT_FLOAT_EQ(score(ScoreFunc::sqrt_softplus, {0.0F})[0], 0.832554611F);
  EXPECT_FLOAT_EQ(score(ScoreFunc::sqrt_softplus, {-10.0F})[0], 0.00673787F);
  EXPECT_EQ(score(ScoreFunc::relu, {-1.0F, 1.5F}), (std::vector<float>{0.0F, 1.5F}));
  EXPECT_EQ(score(ScoreFunc::raw, {-1.0F, 1.5F}), (std::vector<float>{-1.0F, 1.5F}));
}

TEST(Score, HugeLogitsStayFinite) {
  for (const ScoreFunc func : all_funcs()) {
    for (const float s : score(func, {-kMax, 0.0F, 1000.0F, kMax})) {
      EXPECT_TRUE(std::isfinite(s)) << enum_text(func);
    }
  }
  EXPECT_EQ(score(ScoreFunc::softmax, {-kMax, 0.0F, kMax}), (std::vector<float>{0.0F, 0.0F, 1.0F}));
  EXPECT_EQ(score(ScoreFunc::sigmoid, {-kMax, kMax}), (std::vector<float>{0.0F, 1.0F}));
  EXPECT_EQ(score(ScoreFunc::softmax, {-kMax}), (std::vector<float>{1.0F}));
}

TEST(Score, SoftmaxOfManyEqualLogitsIsUniform) {
  for (const float s : score(ScoreFunc::softmax, std::vector<float>(4096, 123.0F))) {
    EXPECT_EQ(s, 1.0F / 4096);
  }
}

TEST(Score, WorksInPlace) {
  for (const ScoreFunc func : all_funcs()) {
    std::vector<float> row = {1.0F, -2.0F, 0.5F};
    const std::vector<float> apart = score(func, row);
    score_row(func, row, row);
    EXPECT_EQ(row, apart) << enum_text(func);
  }
}

RC_GTEST_PROP(Score, NeverReversesTheOrderOfLogits, ()) {
  const auto integers =
      *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(-4000, 4000)));
  std::vector<float> logits;
  for (const int i : integers) {
    logits.push_back(static_cast<float>(i) * 0.01F);
  }
  for (const ScoreFunc func : all_funcs()) {
    const std::vector<float> scores = score(func, logits);
    for (std::size_t i = 0; i < logits.size(); ++i) {
      for (std::size_t j = 0; j < logits.size(); ++j) {
        RC_ASSERT(logits[i] > logits[j] || scores[i] <= scores[j]);
      }
    }
  }
}

}  // namespace
}  // namespace moesim
