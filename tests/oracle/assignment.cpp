#include "oracle/assignment.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace moesim::testing {
namespace {

// The `count` best of one expert's values: held tokens first among equals, then the lowest.
std::vector<int> best_tokens(const std::vector<double>& values, const std::vector<bool>& held, int count) {
  std::vector<int> best;
  std::vector<bool> taken(values.size(), false);
  for (int i = 0; i < count; ++i) {
    int winner = -1;
    for (int t = 0; t < static_cast<int>(values.size()); ++t) {
      if (taken[t]) {
        continue;
      }
      const bool better = winner < 0 || values[t] > values[winner] ||
                          (values[t] == values[winner] && held[t] && !held[winner]);
      winner = better ? t : winner;
    }
    taken[winner] = true;
    best.push_back(winner);
  }
  return best;
}

}  // namespace

NaiveAuction naive_auction(const NaiveMatrix& affinity) {
  NaiveAuction result;
  const int tokens = static_cast<int>(affinity.size());
  const int experts = tokens == 0 ? 1 : static_cast<int>(affinity[0].size());
  const int share = tokens / experts;
  if (experts == 1) {
    result.expert.assign(tokens, 0);
    return result;
  }
  double lowest = affinity[0][0];
  double highest = affinity[0][0];
  for (const std::vector<double>& row : affinity) {
    for (const double a : row) {
      lowest = std::min(lowest, a);
      highest = std::max(highest, a);
    }
  }
  result.epsilon = std::max((highest - lowest) / 50, 1e-4);
  NaiveMatrix score(experts, std::vector<double>(tokens));
  for (int e = 0; e < experts; ++e) {
    for (int t = 0; t < tokens; ++t) {
      score[e][t] = affinity[t][e] - lowest;
    }
  }
  NaiveMatrix value = score;
  std::vector<double> cost(tokens, 0.0);
  std::vector<std::vector<bool>> held(experts, std::vector<bool>(tokens, false));
  for (int counter = 0;; ++counter) {
    ++result.rounds;
    NaiveMatrix bids(experts, std::vector<double>(tokens, 0.0));
    std::vector<std::vector<int>> top(experts);
    for (int e = 0; e < experts; ++e) {
      top[e] = best_tokens(value[e], held[e], share + 1);
      const double next = value[e][top[e][share]];
      for (int i = 0; i < share; ++i) {
        bids[e][top[e][i]] = value[e][top[e][i]] - next + result.epsilon;
      }
      for (int t = 0; t < tokens; ++t) {
        if (counter > 0 && counter < 100 && held[e][t]) {
          bids[e][t] = result.epsilon;
        }
      }
    }
    std::vector<int> bidder(tokens, -1);
    bool all = true;
    for (int t = 0; t < tokens; ++t) {
      double high = 0;
      for (int e = 0; e < experts; ++e) {
        if (bids[e][t] > high) {
          high = bids[e][t];
          bidder[t] = e;
        }
      }
      all = all && bidder[t] >= 0;
      cost[t] += high;
    }
    if (all) {
      result.expert.assign(tokens, -1);
      for (int e = 0; e < experts; ++e) {
        for (int i = 0; i < share; ++i) {
          result.expert[top[e][i]] = e;
        }
      }
      return result;
    }
    for (int e = 0; e < experts; ++e) {
      for (int t = 0; t < tokens; ++t) {
        held[e][t] = bidder[t] == e;
        value[e][t] = score[e][t] - cost[t];
        if (held[e][t]) {
          value[e][t] = counter < 100 ? highest - lowest : score[e][t];
        }
      }
    }
  }
}

double largest_total(const NaiveMatrix& affinity) {
  const int n = static_cast<int>(affinity.size());
  if (n == 0) {
    return 0;
  }
  const int share = n / static_cast<int>(affinity[0].size());
  // Row i is token i, column j a place of expert j / share; costs are negated affinities. One-based, as the
  // column 0 stands for "free".
  const auto cost = [&](int i, int j) { return -affinity[i - 1][(j - 1) / share]; };
  std::vector<double> u(n + 1, 0.0);
  std::vector<double> v(n + 1, 0.0);
  std::vector<int> row_of(n + 1, 0);
  for (int i = 1; i <= n; ++i) {
    std::vector<double> slack(n + 1, std::numeric_limits<double>::infinity());
    std::vector<int> from(n + 1, 0);
    std::vector<bool> seen(n + 1, false);
    row_of[0] = i;
    int column = 0;
    do {
      seen[column] = true;
      double least = std::numeric_limits<double>::infinity();
      int next = 0;
      for (int j = 1; j <= n; ++j) {
        if (seen[j]) {
          continue;
        }
        const double reduced = cost(row_of[column], j) - u[row_of[column]] - v[j];
        if (reduced < slack[j]) {
          slack[j] = reduced;
          from[j] = column;
        }
        if (slack[j] < least) {
          least = slack[j];
          next = j;
        }
      }
      for (int j = 0; j <= n; ++j) {
        if (seen[j]) {
          u[row_of[j]] += least;
          v[j] -= least;
        } else {
          slack[j] -= least;
        }
      }
      column = next;
    } while (row_of[column] != 0);
    for (; column != 0; column = from[column]) {
      row_of[column] = row_of[from[column]];
    }
  }
  double total = 0;
  for (int j = 1; j <= n; ++j) {
    total -= cost(row_of[j], j);
  }
  return total;
}

double total_of(const NaiveMatrix& affinity, const std::vector<int>& expert) {
  double total = 0;
  for (std::size_t t = 0; t < expert.size(); ++t) {
    total += affinity[t][static_cast<std::size_t>(expert[t])];
  }
  return total;
}

}  // namespace moesim::testing
