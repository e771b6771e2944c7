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

namespace {

// ln of the projection of exp(logs) onto the rows that sum to `sum`.
double to_sum(const std::vector<double>& logs, double sum) {
  return std::log(sum) - log_sum_exp(logs);
}

// ln A [T][E] after Dykstra's sweeps over: experts' sums, tokens' sums, A <= 1. The first is an affine set
// and needs no correction.
NaiveMatrix dykstra(const NaiveMatrix& score, const NaiveCap& cap) {
  const int tokens = static_cast<int>(score.size());
  const int experts = static_cast<int>(score[0].size());
  NaiveMatrix a = score;
  for (std::vector<double>& row : a) {
    for (double& value : row) {
      value /= cap.lambda;
    }
  }
  std::vector<double> token_correction(tokens, 0.0);
  NaiveMatrix bound_correction(tokens, std::vector<double>(experts, 0.0));
  for (int sweep = 0; sweep < cap.sweeps; ++sweep) {
    for (int e = 0; e < experts; ++e) {
      const double shift = to_sum(column(a, e), cap.per_expert);
      for (int t = 0; t < tokens; ++t) {
        a[t][e] += shift;
      }
    }
    for (int t = 0; t < tokens; ++t) {
      std::vector<double> before = a[t];
      for (double& value : before) {
        value += token_correction[t];
      }
      const double shift = std::min(0.0, to_sum(before, cap.per_token));
      for (int e = 0; e < experts; ++e) {
        a[t][e] = before[e] + shift;
      }
      token_correction[t] = -shift;
    }
    for (int t = 0; t < tokens; ++t) {
      for (int e = 0; e < experts; ++e) {
        const double before = a[t][e] + bound_correction[t][e];
        a[t][e] = std::min(0.0, before);
        bound_correction[t][e] = before - a[t][e];
      }
    }
  }
  for (int t = 0; t < tokens; ++t) {  // where A is 1, how far it was above decides
    for (int e = 0; e < experts; ++e) {
      a[t][e] += bound_correction[t][e];
    }
  }
  return a;
}

// Near, and not equal because the scores are.
bool unclear(double log_a, double log_b, double score_a, double score_b) {
  return std::abs(log_a - log_b) < 1e-6 && (log_a != log_b || score_a != score_b);
}

}  // namespace

NaiveCapped naive_capped(const NaiveMatrix& score, const NaiveCap& cap) {
  NaiveCapped result;
  const int tokens = static_cast<int>(score.size());
  if (tokens == 0) {
    return result;
  }
  const int experts = static_cast<int>(score[0].size());
  const NaiveMatrix a = dykstra(score, cap);
  std::vector<std::vector<int>> order(experts);
  std::vector<std::vector<bool>> takes(experts, std::vector<bool>(tokens, false));
  bool ambiguous = false;
  for (int e = 0; e < experts; ++e) {
    order[e].resize(tokens);
    for (int t = 0; t < tokens; ++t) {
      order[e][t] = t;
    }
    std::stable_sort(order[e].begin(), order[e].end(), [&](int x, int y) { return a[x][e] > a[y][e]; });
    for (int i = 1; i < tokens; ++i) {
      const int x = order[e][i - 1];
      const int y = order[e][i];
      ambiguous = ambiguous || unclear(a[x][e], a[y][e], score[x][e], score[y][e]);
    }
    for (int i = 0; i < cap.per_expert; ++i) {
      takes[e][order[e][i]] = true;
    }
  }
  const auto takers = [&](int t) {
    int count = 0;
    for (int e = 0; e < experts; ++e) {
      count += takes[e][t] ? 1 : 0;
    }
    return count;
  };
  for (int t = 0; t < tokens; ++t) {
    for (int e = 0; e < experts; ++e) {
      for (int f = 0; f < e; ++f) {
        ambiguous = ambiguous || unclear(a[t][e], a[t][f], score[t][e], score[t][f]);
      }
    }
    result.over_the_cap += takers(t) > cap.per_token ? 1 : 0;
    while (takers(t) > cap.per_token) {
      int worst = -1;
      for (int e = 0; e < experts; ++e) {
        worst = takes[e][t] && (worst < 0 || a[t][e] <= a[t][worst]) ? e : worst;
      }
      takes[worst][t] = false;
    }
  }
  for (int e = 0; e < experts; ++e) {
    for (const int t : order[e]) {
      const int load = static_cast<int>(std::count(takes[e].begin(), takes[e].end(), true));
      if (load < cap.per_expert && !takes[e][t] && takers(t) < cap.per_token) {
        takes[e][t] = true;
      }
    }
    while (std::count(takes[e].begin(), takes[e].end(), true) < cap.per_expert) {
      int free = -1;
      int wanted = -1;
      for (int j = tokens - 1; j >= 0; --j) {
        free = takers(order[e][j]) < cap.per_token ? order[e][j] : free;
        wanted = takes[e][order[e][j]] ? wanted : order[e][j];
      }
      if (free < 0) {
        break;
      }
      int giver = -1;
      for (int f = 0; f < experts; ++f) {
        if (takes[f][wanted] && !takes[f][free] && (giver < 0 || a[wanted][f] <= a[wanted][giver])) {
          giver = f;
        }
      }
      takes[giver][wanted] = false;
      takes[giver][free] = true;
      takes[e][wanted] = true;
    }
  }
  std::vector<std::vector<int>> tokens_of(experts);
  for (int e = 0; e < experts; ++e) {
    for (int t = 0; t < tokens; ++t) {
      if (takes[e][t]) {
        tokens_of[e].push_back(t);
      }
      const double log_a = std::min(0.0, a[t][e]);
      result.entropic += std::exp(log_a) * (score[t][e] - cap.lambda * log_a);
    }
  }
  result.taken = by_token(tokens_of, score, tokens);
  result.taken.ambiguous = ambiguous;  // scores are given exactly
  return result;
}

double largest_capped_total(const NaiveMatrix& score, const NaiveCap& cap) {
  const int tokens = static_cast<int>(score.size());
  const int experts = static_cast<int>(score[0].size());
  // Nodes: source, experts, tokens, sink; residual capacities and costs of each pair that has an edge.
  const int nodes = experts + tokens + 2;
  const int sink = nodes - 1;
  std::vector<std::vector<int>> room(nodes, std::vector<int>(nodes, 0));
  std::vector<std::vector<double>> cost(nodes, std::vector<double>(nodes, 0.0));
  for (int e = 0; e < experts; ++e) {
    room[0][1 + e] = cap.per_expert;
    for (int t = 0; t < tokens; ++t) {
      room[1 + e][1 + experts + t] = 1;
      cost[1 + e][1 + experts + t] = -score[t][e];
      cost[1 + experts + t][1 + e] = score[t][e];
    }
  }
  for (int t = 0; t < tokens; ++t) {
    room[1 + experts + t][sink] = cap.per_token;
  }
  double total = 0;
  for (int unit = 0; unit < experts * cap.per_expert; ++unit) {
    std::vector<double> distance(nodes, HUGE_VAL);
    std::vector<int> from(nodes, -1);
    distance[0] = 0;
    bool changed = true;
    while (changed) {  // Bellman and Ford
      changed = false;
      for (int i = 0; i < nodes; ++i) {
        for (int j = 0; j < nodes && distance[i] < HUGE_VAL; ++j) {
          if (room[i][j] > 0 && distance[i] + cost[i][j] < distance[j] - 1e-12) {
            distance[j] = distance[i] + cost[i][j];
            from[j] = i;
            changed = true;
          }
        }
      }
    }
    total -= distance[sink];
    for (int j = sink; j != 0; j = from[j]) {
      --room[from[j]][j];
      ++room[j][from[j]];
    }
  }
  return total;
}

}  // namespace moesim::testing
