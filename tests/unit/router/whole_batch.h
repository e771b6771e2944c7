#pragma once
// What the tests of routers that look at the whole batch share: inputs, and the comparison with the oracle.

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "building.h"
#include "core/random.h"
#include "oracle/naive.h"
#include "router/score.h"

namespace moesim::testing {

inline NaiveMatrix doubles_of(const Scene& scene) {
  NaiveMatrix rows;
  for (Index t = 0; t < scene.logits.rows(); ++t) {
    const auto row = scene.logits.row(t);
    rows.emplace_back(row.begin(), row.end());
  }
  return rows;
}

// Scores as a router makes them, so that the oracle starts from the same numbers.
inline NaiveMatrix scores_of(const Scene& scene, ScoreFunc func) {
  NaiveMatrix rows;
  for (Index t = 0; t < scene.logits.rows(); ++t) {
    std::vector<float> scores(static_cast<std::size_t>(scene.logits.cols()));
    score_row(func, scene.logits.row(t), scores);
    rows.emplace_back(scores.begin(), scores.end());
  }
  return rows;
}

// Tokens of each expert.
inline std::vector<Index> loads(const Assignments& got) {
  std::vector<Index> load(static_cast<std::size_t>(got.num_experts));
  for (const std::int32_t e : got.expert) {
    ++load[static_cast<std::size_t>(e)];
  }
  return load;
}

// One of a thousand inputs: few or many tokens, real logits of which a fifth repeat an earlier one (of the
// same token or expert), or small whole numbers.
struct Input {
  explicit Input(std::uint64_t index) : random({.seed = 2025, .stream = Stream::test}, index) {}
  RandomSequence random;

  template <class T>
  T among(const std::vector<T>& values) {
    return values[random.next_below(static_cast<std::uint32_t>(values.size()))];
  }

  Scene scene(Index num_tokens, Index num_logits) {
    std::vector<std::vector<float>> rows;
    const bool whole = random.next_below(4) == 0;
    for (Index t = 0; t < num_tokens; ++t) {
      rows.emplace_back();
      for (Index e = 0; e < num_logits; ++e) {
        const std::uint32_t repeat = random.next_below(10);
        if (whole) {
          rows.back().push_back(static_cast<float>(random.next_below(4)) - 1.0F);
        } else if (repeat == 0 && e > 0) {
          rows.back().push_back(rows.back()[random.next_below(static_cast<std::uint32_t>(e))]);
        } else if (repeat == 1 && t > 0) {
          rows.back().push_back(
              rows[random.next_below(static_cast<std::uint32_t>(t))][static_cast<std::size_t>(e)]);
        } else {
          rows.back().push_back(static_cast<float>(random.next_uniform() * 6 - 3));
        }
      }
    }
    return scene_of(rows, num_logits);
  }
};

inline void compare(const Assignments& real, const NaiveTaken& naive, const std::string& what) {
  ASSERT_EQ(real.num_tokens(), static_cast<Index>(naive.expert.size())) << what;
  for (Index t = 0; t < real.num_tokens(); ++t) {
    const TokenChoices choices = choices_of(real, t);
    const auto& expert = naive.expert[static_cast<std::size_t>(t)];
    ASSERT_EQ(std::vector<int>(choices.expert.begin(), choices.expert.end()), expert)
        << what << " token " << t;
    for (std::size_t j = 0; j < expert.size(); ++j) {
      const double expected = naive.weight[static_cast<std::size_t>(t)][j];
      ASSERT_NEAR(choices.weight[j], expected, 2e-6 * std::abs(expected) + 1e-9) << what << " token " << t;
    }
  }
}

}  // namespace moesim::testing
