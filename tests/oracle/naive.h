#pragma once
// What the second implementations of routers that look at the whole batch share: plain loops in double.

#include <algorithm>
#include <cmath>
#include <vector>

namespace moesim::testing {

using NaiveMatrix = std::vector<std::vector<double>>;  // [T][E]

// A routing as every whole-batch router here makes one.
struct NaiveTaken {
  std::vector<std::vector<int>> expert;     // [T] of each token, best first
  std::vector<std::vector<double>> weight;  // [T]
  bool ambiguous = false;                   // two different numbers that were compared are too near for float
};

inline bool too_near(double a, double b) {
  return a != b && std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b));
}

// The indices of the `count` highest values, best first, the lowest index among equals.
inline std::vector<int> highest(const std::vector<double>& values, int count, bool& ambiguous) {
  std::vector<int> best;
  std::vector<bool> taken(values.size(), false);
  for (int i = 0; i < count; ++i) {
    int winner = -1;
    for (int j = 0; j < static_cast<int>(values.size()); ++j) {
      if (!taken[j] && (winner < 0 || values[j] > values[winner])) {
        winner = j;
      }
    }
    taken[winner] = true;
    for (int j = 0; j < static_cast<int>(values.size()); ++j) {
      ambiguous = ambiguous || (!taken[j] && too_near(values[j], values[winner]));
    }
    best.push_back(winner);
  }
  return best;
}

inline double sigmoid(double z) {
  return 1 / (1 + std::exp(-z));
}

inline std::vector<double> softmax(const std::vector<double>& logits) {
  std::vector<double> p;
  double sum = 0;
  for (const double z : logits) {
    sum += std::exp(z);
  }
  for (const double z : logits) {
    p.push_back(std::exp(z) / sum);
  }
  return p;
}

inline std::vector<double> column(const NaiveMatrix& rows, int j) {
  std::vector<double> all;
  for (const std::vector<double>& row : rows) {
    all.push_back(row[j]);
  }
  return all;
}

// Experts' tokens → tokens' experts, best value first, ties by the lowest expert.
inline NaiveTaken by_token(const std::vector<std::vector<int>>& tokens_of, const NaiveMatrix& value,
                           int tokens) {
  NaiveTaken taken;
  taken.expert.resize(tokens);
  taken.weight.resize(tokens);
  for (int t = 0; t < tokens; ++t) {
    for (int e = 0; e < static_cast<int>(tokens_of.size()); ++e) {
      if (std::count(tokens_of[e].begin(), tokens_of[e].end(), t) > 0) {
        taken.expert[t].push_back(e);
      }
    }
    std::stable_sort(taken.expert[t].begin(), taken.expert[t].end(), [&](int a, int b) {
      taken.ambiguous = taken.ambiguous || too_near(value[t][a], value[t][b]);
      return value[t][a] > value[t][b];
    });
    for (const int e : taken.expert[t]) {
      taken.weight[t].push_back(value[t][e]);
    }
  }
  return taken;
}

inline double log_sum_exp(const std::vector<double>& values) {
  double high = values[0];
  for (const double v : values) {
    high = std::max(high, v);
  }
  double sum = 0;
  for (const double v : values) {
    sum += std::exp(v - high);
  }
  return high + std::log(sum);
}

}  // namespace moesim::testing
