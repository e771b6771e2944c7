#include "router/above_threshold.h"

#include <algorithm>

#include "router/rows.h"

namespace moesim {
namespace {

// Writes a token's experts and scores from place `at` on.
void choose_row(std::span<const float> scores, std::span<const float> thresholds, std::size_t at,
                Assignments& out) {
  std::size_t end = at;
  for (std::size_t e = 0; e < scores.size(); ++e) {
    if (scores[e] > thresholds[e]) {
      out.expert[end++] = static_cast<std::int32_t>(e);
    }
  }
  std::sort(out.expert.begin() + static_cast<std::ptrdiff_t>(at),
            out.expert.begin() + static_cast<std::ptrdiff_t>(end), [&](std::int32_t a, std::int32_t b) {
              const float x = scores[static_cast<std::size_t>(a)];
              const float y = scores[static_cast<std::size_t>(b)];
              return x > y || (x == y && a < b);
            });
  for (std::size_t n = at; n < end; ++n) {
    out.score[n] = scores[static_cast<std::size_t>(out.expert[n])];
  }
}

Index count_above(std::span<const float> scores, std::span<const float> thresholds) {
  Index count = 0;
  for (std::size_t e = 0; e < scores.size(); ++e) {
    count += scores[e] > thresholds[e] ? 1 : 0;
  }
  return count;
}

}  // namespace

Matrix scores_by_token(ScoreFunc func, const RouterInput& input) {
  Matrix scores(input.logits.rows, input.logits.cols);
  for_each_row_block(input.context, scores.rows(), [&](Index first, Index last) {
    for (Index t = first; t < last; ++t) {
      score_row(func, input.logits.row(t), scores.row(t));
    }
  });
  return scores;
}

Assignments choose_above(const Matrix& scores, std::span<const float> thresholds, const Context& context) {
  Assignments out;
  out.num_experts = static_cast<Index>(thresholds.size());
  out.begin.assign(static_cast<std::size_t>(scores.rows()) + 1, 0);
  for_each_row_block(context, scores.rows(), [&](Index first, Index last) {
    for (Index t = first; t < last; ++t) {
      out.begin[static_cast<std::size_t>(t) + 1] = count_above(scores.row(t), thresholds);
    }
  });
  for (std::size_t t = 1; t < out.begin.size(); ++t) {
    out.begin[t] += out.begin[t - 1];
  }
  out.expert.resize(static_cast<std::size_t>(out.begin.back()));
  out.score.resize(out.expert.size());
  for_each_row_block(context, scores.rows(), [&](Index first, Index last) {
    for (Index t = first; t < last; ++t) {
      choose_row(scores.row(t), thresholds, static_cast<std::size_t>(out.begin[static_cast<std::size_t>(t)]),
                 out);
    }
  });
  out.weight = out.score;
  return out;
}

}  // namespace moesim
