#include "oracle/sinkhorn.h"

#include <algorithm>
#include <cmath>

namespace moesim::testing {

NaiveTaken naive_sinkhorn(const NaiveMatrix& logits, const NaiveScaling& scaling) {
  NaiveTaken taken;
  const int tokens = static_cast<int>(logits.size());
  if (tokens == 0) {
    return taken;
  }
  const int experts = static_cast<int>(logits[0].size());
  NaiveMatrix cost = logits;
  for (std::vector<double>& row : cost) {
    for (double& c : row) {
      c = std::exp(c);
    }
  }
  std::vector<double> d0(tokens, 1.0);
  std::vector<double> d1(experts, 1.0);
  for (int e = 0; e < experts && scaling.starts_from_columns; ++e) {
    double sum = 0;
    for (const double c : column(cost, e)) {
      sum += c;
    }
    d1[e] = 1 / (experts * sum);
  }
  double error = 1e9;
  for (int round = 0; error > 1e-4 && (scaling.rounds < 0 || round < scaling.rounds); ++round) {
    for (int t = 0; t < tokens; ++t) {
      double sum = 0;
      for (int e = 0; e < experts; ++e) {
        sum += d1[e] * cost[t][e];
      }
      d0[t] = 1.0 / tokens / (sum + 1e-8);
    }
    const std::vector<double> old = d1;
    error = 0;
    for (int e = 0; e < experts; ++e) {
      double sum = 0;
      for (int t = 0; t < tokens; ++t) {
        sum += d0[t] * cost[t][e];
      }
      d1[e] = 1.0 / experts / (sum + 1e-8);
      error += std::abs(old[e] - d1[e]) / experts;
    }
    taken.ambiguous = taken.ambiguous || std::abs(error - 1e-4) < 1e-10;
  }
  for (int t = 0; t < tokens; ++t) {
    std::vector<double> scaled;
    for (int e = 0; e < experts; ++e) {
      scaled.push_back(d1[e] * cost[t][e] * d0[t]);
    }
    taken.expert.push_back(highest(scaled, scaling.top_k, taken.ambiguous));
    taken.weight.emplace_back();
    for (const int e : taken.expert.back()) {
      taken.weight.back().push_back(scaling.top_k == 1 ? sigmoid(logits[t][e]) : softmax(logits[t])[e]);
    }
  }
  return taken;
}

NaiveTaken naive_log_sinkhorn(const NaiveMatrix& logits, const NaiveLogScaling& scaling) {
  const int tokens = static_cast<int>(logits.size());
  const int experts = static_cast<int>(logits[0].size());
  const int padded = (tokens + experts - 1) / experts * experts;
  NaiveMatrix table;
  for (int t = 0; t < padded; ++t) {
    table.emplace_back();
    for (int e = 0; e < experts; ++e) {
      const double gate = t < tokens ? std::max(logits[t][e], 1e-10) : 1e-10;
      table[t].push_back(std::log(gate) / scaling.temperature);
      table[t][e] += scaling.noise.empty() ? 0 : scaling.noise[t][e];
    }
  }
  for (int round = 0; round < scaling.rounds; ++round) {
    for (int e = 0; e < experts; ++e) {
      const double all = log_sum_exp(column(table, e));
      for (int t = 0; t < padded; ++t) {
        table[t][e] -= all;
      }
    }
    for (int t = 0; t < padded; ++t) {
      const double all = log_sum_exp(table[t]);
      for (int e = 0; e < experts; ++e) {
        table[t][e] -= all;
      }
    }
  }
  for (int t = 0; t < padded; ++t) {
    for (double& value : table[t]) {
      value = t < tokens ? std::exp(value) : 0;
    }
  }
  bool ambiguous = false;
  std::vector<std::vector<int>> tokens_of;
  for (int e = 0; e < experts; ++e) {
    tokens_of.push_back(highest(column(table, e), padded / experts, ambiguous));
  }
  NaiveTaken taken = by_token(tokens_of, table, tokens);
  taken.ambiguous = taken.ambiguous || ambiguous;
  for (int t = 0; t < tokens; ++t) {
    for (std::size_t j = 0; j < taken.weight[t].size(); ++j) {
      const double value = taken.weight[t][j];
      taken.ambiguous = taken.ambiguous || std::abs(value - 0.5) < 1e-6;
      const double factor = scaling.competitive ? 1 : sigmoid(logits[t][taken.expert[t][j]]);
      taken.weight[t][j] = (value > 0.5 ? factor : 0) / static_cast<double>(taken.weight[t].size() + 1);
    }
  }
  return taken;
}

}  // namespace moesim::testing
