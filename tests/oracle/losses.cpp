#include "oracle/losses.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace moesim::testing {
namespace {

using Numbers = std::vector<double>;
using Tokens = std::vector<int>;

Numbers softmax(const Numbers& logits) {
  double sum = 0;
  for (const double z : logits) {
    sum += std::exp(z);
  }
  Numbers scores;
  for (const double z : logits) {
    scores.push_back(std::exp(z) / sum);
  }
  return scores;
}

Numbers shares(const std::string& func, const Numbers& logits) {
  if (func == "softmax" || func == "raw") {
    return softmax(logits);
  }
  Numbers scores;
  double sum = 1e-20;
  for (const double z : logits) {
    scores.push_back(func == "sigmoid"         ? 1 / (1 + std::exp(-z))
                     : func == "sqrt_softplus" ? std::sqrt(std::log(1 + std::exp(z)))
                     : z > 0                   ? z
                                               : 0);
    sum += scores.back();
  }
  for (double& score : scores) {
    score /= sum;
  }
  return scores;
}

// The `count` best, found one after the other; the lowest index among equals.
std::vector<int> best_of(const Numbers& values, int count) {
  std::vector<int> best;
  for (int j = 0; j < count; ++j) {
    int winner = -1;
    for (int i = 0; i < static_cast<int>(values.size()); ++i) {
      if (std::count(best.begin(), best.end(), i) == 0 && (winner < 0 || values[i] > values[winner])) {
        winner = i;
      }
    }
    best.push_back(winner);
  }
  return best;
}

std::vector<int> chosen_by(const NaiveLossBatch& b, int t) {
  return b.counted == "assigned" ? b.chosen[t] : best_of(shares(b.score_func, b.logits[t]), b.top_k);
}

// 1 where token t chooses expert e.
double chooses(const NaiveLossBatch& b, int t, int e) {
  const std::vector<int> chosen = chosen_by(b, t);
  return static_cast<double>(std::count(chosen.begin(), chosen.end(), e));
}

double first_is(const NaiveLossBatch& b, int t, int e) {
  const std::vector<int> chosen = chosen_by(b, t);
  return !chosen.empty() && chosen.front() == e ? 1 : 0;
}

double mean_score(const NaiveLossBatch& b, const Tokens& tokens, int e) {
  double sum = 0;
  for (const int t : tokens) {
    sum += shares(b.score_func, b.logits[t])[e];
  }
  return sum / static_cast<double>(tokens.size());
}

double count(const NaiveLossBatch& b, const Tokens& tokens, int e) {
  double sum = 0;
  for (const int t : tokens) {
    sum += chooses(b, t, e);
  }
  return sum;
}

// As in flaxformer: E² times a mean over experts.
double switch_of(const NaiveLossBatch& b, const Tokens& tokens) {
  double mean = 0;
  for (int e = 0; e < b.num_experts; ++e) {
    double first = 0;
    for (const int t : tokens) {
      first += first_is(b, t, e);
    }
    mean += first / static_cast<double>(tokens.size()) * mean_score(b, tokens, e) / b.num_experts;
  }
  return mean * b.num_experts * b.num_experts;
}

double fairscale_of(const NaiveLossBatch& b, const Tokens& tokens) {
  return switch_of(b, tokens) / b.num_experts / b.num_experts;
}

// As in transformers: a mask [T,k,E] is averaged over tokens; choices and experts are summed.
double topk_sum_of(const NaiveLossBatch& b, const Tokens& tokens) {
  double loss = 0;
  for (int choice = 0; choice < b.num_experts; ++choice) {
    for (int e = 0; e < b.num_experts; ++e) {
      double mask = 0;
      for (const int t : tokens) {
        const std::vector<int> chosen = chosen_by(b, t);
        mask += choice < static_cast<int>(chosen.size()) && chosen[choice] == e ? 1 : 0;
      }
      loss += mask / static_cast<double>(tokens.size()) * mean_score(b, tokens, e);
    }
  }
  return loss * b.num_experts;
}

// As in Megatron-LM: sums of scores times counts, over T².
double topk_mean_of(const NaiveLossBatch& b, const Tokens& tokens) {
  const auto size = static_cast<double>(tokens.size());
  double loss = 0;
  for (int e = 0; e < b.num_experts; ++e) {
    loss += mean_score(b, tokens, e) * size * count(b, tokens, e);
  }
  return loss * b.num_experts / (b.top_k * size * size);
}

int device_of(const NaiveLossBatch& b, int e) {
  return e * b.num_devices / b.num_experts;
}

double device_loss_of(const NaiveLossBatch& b, const Tokens& tokens) {
  double loss = 0;
  for (int d = 0; d < b.num_devices; ++d) {
    double f = 0;
    double p = 0;
    double experts = 0;
    for (int e = 0; e < b.num_experts; ++e) {
      if (device_of(b, e) == d) {
        f += b.num_experts * count(b, tokens, e) / (b.top_k * static_cast<double>(tokens.size()));
        p += mean_score(b, tokens, e);
        experts += 1;
      }
    }
    loss += f / experts * p;
  }
  return loss;
}

double comm_of(const NaiveLossBatch& b, const Tokens& tokens) {
  const int most = b.max_devices > 0 ? b.max_devices : std::min(b.num_devices, b.top_k);
  double loss = 0;
  for (int d = 0; d < b.num_devices; ++d) {
    double sent = 0;
    for (const int t : tokens) {
      double to_device = 0;
      for (int e = 0; e < b.num_experts; ++e) {
        to_device += device_of(b, e) == d ? chooses(b, t, e) : 0;
      }
      sent += to_device > 0 ? 1 : 0;
    }
    double p = 0;
    for (int e = 0; e < b.num_experts; ++e) {
      p += device_of(b, e) == d ? mean_score(b, tokens, e) : 0;
    }
    loss += b.num_devices * sent / (most * static_cast<double>(tokens.size())) * p;
  }
  return loss;
}

double global_of(const NaiveLossBatch& b, const Tokens& tokens) {
  if (b.all_counts.empty()) {
    return topk_mean_of(b, tokens);
  }
  double loss = 0;
  for (int e = 0; e < b.num_experts; ++e) {
    double sum = 0;
    for (const int t : tokens) {
      sum += shares(b.score_func, b.logits[t])[e];
    }
    const double divisor =
        b.global_mean == "local" ? static_cast<double>(tokens.size()) : b.all_tokens / b.all_steps;
    loss += b.num_experts * b.all_counts[e] / (b.top_k * b.all_tokens) * (sum / divisor);
  }
  return loss;
}

// CV² + 1 = E·Σx²/(Σx)².
double cv_squared(const Numbers& x, const std::string& form) {
  const auto size = static_cast<double>(x.size());
  double sum = 0;
  double squares = 0;
  for (const double value : x) {
    sum += value;
    squares += value * value;
  }
  if (x.size() < 2 || sum == 0) {
    return 0;
  }
  const double population = size * squares / (sum * sum) - 1;
  return form == "population" ? population : population * size / (size - 1);
}

double importance_of(const NaiveLossBatch& b, const Tokens& tokens) {
  Numbers importance(b.num_experts, 0.0);
  for (const int t : tokens) {
    if (b.importance_of == "scores") {
      const Numbers scores = shares(b.score_func, b.logits[t]);
      for (int e = 0; e < b.num_experts; ++e) {
        importance[e] += scores[e];
      }
      continue;
    }
    const std::vector<int> chosen = chosen_by(b, t);
    const Numbers& logits = b.noisy.empty() ? b.logits[t] : b.noisy[t];
    double sum = 0;
    for (const int e : chosen) {
      sum += std::exp(logits[e]);
    }
    for (const int e : chosen) {
      importance[e] += std::exp(logits[e]) / sum;
    }
  }
  return cv_squared(importance, b.cv);
}

// The k-th largest of `values`, leaving out number `without` where it is not negative.
double kth_largest(Numbers values, int k, int without) {
  if (without >= 0) {
    values.erase(values.begin() + without);
  }
  std::sort(values.rbegin(), values.rend());
  return k <= static_cast<int>(values.size()) ? values[k - 1] : -HUGE_VAL;
}

double load_of(const NaiveLossBatch& b, const Tokens& tokens) {
  if (b.noisy.empty()) {
    return 0;
  }
  Numbers load(b.num_experts, 0.0);
  for (const int t : tokens) {
    const Numbers clean = b.load_threshold == "kth_of_scores" ? softmax(b.logits[t]) : b.logits[t];
    for (int e = 0; e < b.num_experts; ++e) {
      const double threshold = kth_largest(b.noisy[t], b.top_k, b.load_threshold == "kth_excluding" ? e : -1);
      const double x = (clean[e] - threshold) / b.noise_std[t][e];
      load[e] += 0.5 * std::erfc(-x / std::sqrt(2.0));  // 1 + erf would lose the digits of small chances
    }
  }
  return cv_squared(load, b.cv);
}

double hetero_of(const NaiveLossBatch& b, const Tokens& tokens) {
  double loss = 0;
  for (int e = 0; e < b.num_experts; ++e) {
    const double eta = e >= b.num_experts - b.num_zero_experts ? b.tau : 1;
    loss += eta * count(b, tokens, e) / static_cast<double>(tokens.size()) * mean_score(b, tokens, e);
  }
  return loss;
}

double remoe_of(const NaiveLossBatch& b, const Tokens& tokens) {
  const auto size = static_cast<double>(tokens.size());
  double loss = 0;
  for (int e = 0; e < b.num_experts; ++e) {
    double positive = 0;
    double sum = 0;
    for (const int t : tokens) {
      positive += b.logits[t][e] > 0 ? 1 : 0;
      sum += b.logits[t][e] > 0 ? b.logits[t][e] : 0;
    }
    loss += (b.l1_weighting == "plain" ? 1 : b.num_experts * positive / (b.top_k * size)) * sum / size;
  }
  return loss;
}

double z_of(const NaiveLossBatch& b, const Tokens& tokens) {
  double loss = 0;
  for (const int t : tokens) {
    double sum = 0;
    for (const double z : b.logits[t]) {
      sum += std::exp(z);
    }
    loss += std::log(sum) * std::log(sum);
  }
  return loss / static_cast<double>(tokens.size());
}

double entropy_of(const NaiveLossBatch& b, const Tokens& tokens) {
  double loss = 0;
  for (const int t : tokens) {
    for (const double p : shares(b.score_func, b.logits[t])) {
      loss -= p > 0 ? p * std::log(p) : 0;
    }
  }
  return loss / static_cast<double>(tokens.size());
}

// The loss of one group of tokens.
using GroupLoss = double (*)(const NaiveLossBatch&, const Tokens&);
const std::map<std::string, GroupLoss> kLosses = {{"switch", switch_of},
                                                  {"gshard_top1", switch_of},
                                                  {"fairscale", fairscale_of},
                                                  {"switch_topk_sum", topk_sum_of},
                                                  {"switch_topk_mean", topk_mean_of},
                                                  {"deepseek_expert", topk_mean_of},
                                                  {"seq_wise", topk_mean_of},
                                                  {"deepseek_device", device_loss_of},
                                                  {"deepseek_comm", comm_of},
                                                  {"global_batch", global_of},
                                                  {"importance_cv2", importance_of},
                                                  {"load_cv2", load_of},
                                                  {"moepp_hetero", hetero_of},
                                                  {"remoe_l1", remoe_of},
                                                  {"z_loss", z_of},
                                                  {"entropy", entropy_of}};

}  // namespace

double naive_loss(const std::string& name, const NaiveLossBatch& b) {
  const bool whole = name == "global_batch" || name == "z_loss" || name == "entropy";
  const bool by_sequence = !whole && (name == "seq_wise" || b.scope == "sequence");
  std::vector<int> lengths = b.sequence_lengths;
  if (!by_sequence) {
    lengths = {static_cast<int>(b.logits.size())};
  }
  double sum = 0;
  double groups = 0;
  int next = 0;
  for (const int length : lengths) {
    Tokens tokens;
    for (int i = 0; i < length; ++i) {
      tokens.push_back(next++);
    }
    if (!tokens.empty()) {
      sum += kLosses.at(name)(b, tokens);
      groups += 1;
    }
  }
  return groups > 0 ? sum / groups : 0;
}

}  // namespace moesim::testing
