#include "oracle/token_choice.h"

#include <algorithm>
#include <cmath>

namespace moesim::testing {
namespace {

using Numbers = std::vector<double>;

bool too_near(double a, double b) {
  return std::isfinite(a) && std::isfinite(b) && a != b &&
         std::abs(a - b) <= 1e-6 + 1e-6 * std::max(std::abs(a), std::abs(b));
}

Numbers scores_of(const std::string& func, const Numbers& logits) {
  Numbers scores;
  double sum = 0;
  for (const double z : logits) {
    sum += std::exp(z);
  }
  for (const double z : logits) {
    if (func == "softmax") {
      scores.push_back(std::exp(z) / sum);
    } else if (func == "sigmoid") {
      scores.push_back(1 / (1 + std::exp(-z)));
    } else if (func == "sqrt_softplus") {
      scores.push_back(std::sqrt(std::log(1 + std::exp(z))));
    } else if (func == "relu") {
      scores.push_back(z > 0 ? z : 0);
    } else {
      scores.push_back(z);
    }
  }
  return scores;
}

// The `count` best, found one after the other; the lowest index among equals.
std::vector<int> best_of(const Numbers& values, int count, bool& ambiguous) {
  std::vector<int> best;
  std::vector<bool> taken(values.size(), false);
  for (int j = 0; j < count; ++j) {
    int winner = -1;
    for (int i = 0; i < static_cast<int>(values.size()); ++i) {
      if (!taken[i] && (winner < 0 || values[i] > values[winner])) {
        winner = i;
      }
    }
    for (int i = 0; i < static_cast<int>(values.size()); ++i) {
      ambiguous = ambiguous || (!taken[i] && too_near(values[i], values[winner]));
    }
    taken[winner] = true;
    best.push_back(winner);
  }
  return best;
}

void mask_groups(const NaiveStages& s, Numbers& selection, bool& ambiguous) {
  const int size = static_cast<int>(selection.size()) / s.num_expert_groups;
  const int summed = s.group_score == "max"         ? 1
                     : s.group_score == "sum_top_2" ? 2
                                                    : s.top_k / s.num_limited_groups;
  Numbers group_scores;
  for (int g = 0; g < s.num_expert_groups; ++g) {
    Numbers group(selection.begin() + g * size, selection.begin() + (g + 1) * size);
    double sum = 0;
    bool ignored = false;  // which of two near members is summed hardly matters
    for (const int i : best_of(group, summed, ignored)) {
      sum += group[i];
    }
    group_scores.push_back(sum);
  }
  const std::vector<int> kept = best_of(group_scores, s.num_limited_groups, ambiguous);
  for (int e = 0; e < static_cast<int>(selection.size()); ++e) {
    if (std::count(kept.begin(), kept.end(), e / size) == 0) {
      selection[e] = s.mask_fill == "zero" ? 0.0 : -HUGE_VAL;
    }
  }
}

// Everything, best first; then what the selection keeps of it.
std::vector<int> select(const NaiveStages& s, const Numbers& selection, const Numbers& scores,
                        bool& ambiguous) {
  if (s.select == "top_k") {
    return best_of(selection, s.top_k, ambiguous);
  }
  std::vector<int> chosen;
  double sum = 0;
  for (const int e : best_of(selection, static_cast<int>(selection.size()), ambiguous)) {
    const double limit = s.select == "positive" ? 0 : s.threshold;
    if (s.select == "top_p" ? sum > s.top_p || std::isinf(selection[e]) : selection[e] <= limit) {
      ambiguous = ambiguous || (s.select != "top_p" && too_near(selection[e], limit));
      break;
    }
    chosen.push_back(e);
    ambiguous = ambiguous || (s.select != "top_p" && too_near(selection[e], limit));
    sum += scores[e];
    ambiguous = ambiguous || (s.select == "top_p" && std::abs(sum - s.top_p) < 1e-6);
  }
  return chosen;
}

}  // namespace

std::string NaiveStages::section() const {
  std::string text = "{kind: token_choice, score_func: " + score_func + ", top_k: " + std::to_string(top_k) +
                     ", select: " + select + ", select_on: " + select_on;
  if (select == "top_p") {
    text += ", top_p: " + std::to_string(top_p);
  }
  if (select == "threshold") {
    text += ", threshold: " + std::to_string(threshold);
  }
  if (!softmax_after_top_k) {
    text += ", weightless_experts: " + std::to_string(weightless_experts);
  }
  if (num_expert_groups > 1) {
    text += ", num_expert_groups: " + std::to_string(num_expert_groups) +
            ", num_limited_groups: " + std::to_string(num_limited_groups);
    if (num_limited_groups < num_expert_groups) {
      text += ", group_score: " + group_score + ", mask_fill: " + mask_fill;
    }
  }
  text += softmax_after_top_k ? ", softmax_after_top_k: true" : route_norm ? ", route_norm: true" : "";
  if (route_norm && !softmax_after_top_k) {
    text += ", norm_eps: " + std::to_string(norm_eps) + ", norm_floor: " + norm_floor +
            ", norm_single: " + (norm_single ? "true" : "false");
  }
  return text + ", route_scale: " + std::to_string(route_scale) + "}";
}

NaiveChoice naive_route(const NaiveStages& s, const std::vector<float>& logits_in,
                        const std::vector<float>& bias) {
  const Numbers logits(logits_in.begin(), logits_in.end());
  const Numbers scores = scores_of(s.score_func, logits);
  Numbers biased_logits = logits;
  Numbers selection = scores;
  for (std::size_t e = 0; e < bias.size(); ++e) {
    biased_logits[e] += bias[e];
    selection[e] += bias[e];
  }
  if (s.expert_bias_on == "logit") {
    selection = scores_of(s.score_func, biased_logits);
  }
  if (s.select_on == "logit") {
    selection = biased_logits;
  }
  NaiveChoice choice;
  if (s.num_limited_groups < s.num_expert_groups) {
    mask_groups(s, selection, choice.ambiguous);
  }
  choice.expert = select(s, selection, scores, choice.ambiguous);
  const int first_weightless = static_cast<int>(logits.size()) - s.weightless_experts;
  double score_sum = 0;
  double exp_sum = 0;
  for (const int e : choice.expert) {
    score_sum += e < first_weightless ? scores[e] : 0;
    exp_sum += std::exp(logits[e]);
  }
  const double divisor = s.norm_floor == "clamp" ? std::max(score_sum, s.norm_eps) : score_sum + s.norm_eps;
  const bool divides = s.route_norm && (s.norm_single || choice.expert.size() > 1);
  for (const int e : choice.expert) {
    choice.score.push_back(scores[e]);
    double weight = e < first_weightless ? scores[e] : 0;
    if (s.softmax_after_top_k) {
      weight = std::exp(logits[e]) / exp_sum;
    } else if (divides) {
      weight = divisor > 0 ? weight / divisor : 0;
    }
    choice.weight.push_back(weight * s.route_scale);
  }
  return choice;
}

NaiveChoice naive_sparsemixer(double jitter_eps, int top_k, const std::vector<float>& logits_in) {
  const Numbers logits(logits_in.begin(), logits_in.end());
  Numbers left = logits;
  NaiveChoice choice;
  for (int pick = 0; pick < top_k; ++pick) {
    const int best = best_of(left, 1, choice.ambiguous).front();
    const double highest = left[best];
    double sum = 0;
    for (std::size_t e = 0; e < logits.size(); ++e) {
      const double factor = std::max(std::abs(logits[e]), highest);
      const double distance = (highest - logits[e]) / factor;
      choice.ambiguous =
          choice.ambiguous || (distance != 2 * jitter_eps && std::abs(distance - 2 * jitter_eps) < 1e-6);
      const bool dropped = left[e] == -HUGE_VAL || distance > 2 * jitter_eps;
      sum += dropped ? 0 : std::exp(logits[e] - highest);
    }
    choice.expert.push_back(best);
    choice.weight.push_back(1 / sum);
    choice.score.push_back(1 / sum);
    left[best] = -HUGE_VAL;
  }
  return choice;
}

NaiveChoice naive_top_any(double scale, const std::vector<double>& thresholds, bool fall_back,
                          const std::vector<float>& logits) {
  const auto sigmoid = [](double z) { return 1 / (1 + std::exp(-z)); };
  NaiveChoice choice;
  Numbers scores;
  for (std::size_t e = 0; e < logits.size(); ++e) {
    scores.push_back(sigmoid(logits[e]));
    choice.ambiguous = choice.ambiguous || too_near(logits[e], scale * thresholds[e]);
  }
  const int experts = static_cast<int>(scores.size());
  for (const int e : best_of(Numbers(logits.begin(), logits.end()), experts, choice.ambiguous)) {
    if (sigmoid(logits[e]) > sigmoid(scale * thresholds[e])) {
      choice.expert.push_back(e);
    }
  }
  if (choice.expert.empty() && fall_back) {
    bool ignored = false;
    choice.expert = best_of(Numbers(logits.begin(), logits.end()), 1, ignored);
  }
  for (const int e : choice.expert) {
    choice.weight.push_back(1.0 / static_cast<double>(choice.expert.size()));
    choice.score.push_back(scores[e]);
  }
  return choice;
}

}  // namespace moesim::testing
