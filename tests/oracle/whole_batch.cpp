#include "oracle/whole_batch.h"

#include <algorithm>
#include <cmath>

namespace moesim::testing {

NaiveMix naive_soft(const NaiveMatrix& logits) {
  NaiveMix mix;
  mix.dispatch = logits;
  for (const std::vector<double>& row : logits) {
    mix.combine.push_back(softmax(row));
  }
  for (std::size_t s = 0; !logits.empty() && s < logits[0].size(); ++s) {
    const std::vector<double> shares = softmax(column(logits, static_cast<int>(s)));
    for (std::size_t t = 0; t < logits.size(); ++t) {
      mix.dispatch[t][s] = shares[t];
    }
  }
  return mix;
}

NaiveTaken naive_above(const NaiveMatrix& score, const std::vector<double>& threshold) {
  std::vector<std::vector<int>> tokens_of(threshold.size());
  for (int t = 0; t < static_cast<int>(score.size()); ++t) {
    for (std::size_t e = 0; e < threshold.size(); ++e) {
      if (score[t][e] > threshold[e]) {
        tokens_of[e].push_back(t);
      }
    }
  }
  return by_token(tokens_of, score, static_cast<int>(score.size()));
}

std::vector<double> naive_quantiles(const NaiveMatrix& score, int top_k, int num_experts) {
  const int share = static_cast<int>(score.size()) * top_k / num_experts;
  std::vector<double> all;
  for (int e = 0; e < num_experts; ++e) {
    std::vector<double> sorted = column(score, e);
    std::sort(sorted.begin(), sorted.end());
    all.push_back(share == static_cast<int>(sorted.size()) ? -HUGE_VAL : sorted[sorted.size() - 1 - share]);
  }
  return all;
}

}  // namespace moesim::testing
