#include "oracle/controllers.h"

#include <algorithm>
#include <cmath>

namespace moesim::testing {
namespace {

using Numbers = std::vector<double>;

double mean_of(const Numbers& numbers) {
  double sum = 0;
  for (const double x : numbers) {
    sum += x;
  }
  return sum / static_cast<double>(numbers.size());
}

double sign_of(double x) {
  if (x > 0) {
    return 1;
  }
  if (x < 0) {
    return -1;
  }
  return 0;
}

// The number with exactly `rank` numbers before it in falling order, found by counting.
double with_rank(const Numbers& numbers, int rank) {
  for (const double candidate : numbers) {
    int above = 0;
    int equal = 0;
    for (const double other : numbers) {
      above += other > candidate ? 1 : 0;
      equal += other == candidate ? 1 : 0;
    }
    if (above <= rank && rank < above + equal) {
      return candidate;
    }
  }
  return NAN;
}

void subtract_mean(Numbers& numbers) {
  const double mean = mean_of(numbers);
  for (double& x : numbers) {
    x = x - mean;
  }
}

// α_t − v_te for the tokens of one rank.
Numbers prices_above_values(const NaiveStep& step, const Numbers& bias, std::size_t expert, int first,
                            int last) {
  Numbers above;
  for (int t = first; t < last; ++t) {
    const Numbers& row = step.values[static_cast<std::size_t>(t)];
    Numbers biased;
    for (std::size_t e = 0; e < row.size(); ++e) {
      biased.push_back(row[e] + bias[e]);
    }
    above.push_back(with_rank(biased, step.top_k) - row[expert]);
  }
  return above;
}

// The new bias is the K/E quantile of α − v: as many tokens as are wanted lie strictly below it.
double pooled_quantile(const NaiveStep& step, const Numbers& bias, std::size_t expert, int first, int last) {
  Numbers above = prices_above_values(step, bias, expert, first, last);
  const int wanted = step.top_k * (last - first) / static_cast<int>(bias.size());
  for (double& x : above) {
    x = -x;
  }
  return -with_rank(above, wanted);
}

double histogram(const NaiveRule& rule, const NaiveStep& step, const Numbers& bias, std::size_t expert) {
  const double low = *std::min_element(bias.begin(), bias.end()) - 1;
  const double high = *std::max_element(bias.begin(), bias.end()) + 1;
  const double width = (high - low) / rule.bins;
  const Numbers above = prices_above_values(step, bias, expert, 0, step.tokens);
  const double wanted = static_cast<double>(step.top_k * step.tokens) / static_cast<double>(bias.size());
  double below = 0;
  for (int bin = 0; bin < rule.bins; ++bin) {
    double inside = 0;
    for (const double r : above) {
      const double place = (r - low) / width;
      const bool first = bin == 0 && place < 1;
      const bool last = bin == rule.bins - 1 && place >= bin;
      inside += first || last || (place >= bin && place < bin + 1) ? 1 : 0;
    }
    if (inside > 0 && below + inside >= wanted) {
      return low + width * (bin + (wanted - below) / inside);
    }
    below += inside;
  }
  return high;
}

void quantiles(const NaiveRule& rule, const NaiveStep& step, NaiveSteering& state) {
  if (step.top_k >= static_cast<int>(state.bias.size())) {
    return;
  }
  Numbers fresh;
  for (std::size_t e = 0; e < state.bias.size(); ++e) {
    if (rule.variant == "exact") {
      fresh.push_back(pooled_quantile(step, state.bias, e, 0, step.tokens));
    } else if (rule.variant == "histogram") {
      fresh.push_back(histogram(rule, step, state.bias, e));
    } else {
      Numbers of_ranks;
      for (int r = 0; r < rule.ranks; ++r) {
        const int first = r * step.tokens / rule.ranks;
        const int last = (r + 1) * step.tokens / rule.ranks;
        if (last > first) {
          of_ranks.push_back(pooled_quantile(step, state.bias, e, first, last));
        }
      }
      fresh.push_back(mean_of(of_ranks));
    }
  }
  for (std::size_t e = 0; e < fresh.size(); ++e) {
    state.bias[e] = rule.ema * state.bias[e] + (1 - rule.ema) * fresh[e];
  }
  subtract_mean(state.bias);
}

void thresholds(const NaiveRule& rule, const NaiveStep& step, NaiveSteering& state) {
  const std::size_t experts = step.loads.size();
  const int fair = std::max(1, step.top_k * step.tokens / static_cast<int>(experts));
  state.cut_offs.resize(experts);
  state.thresholds.resize(experts);
  state.raw_weight = rule.decay * state.raw_weight + (1 - rule.decay);
  for (std::size_t e = 0; e < experts; ++e) {
    Numbers column;
    for (const Numbers& row : step.values) {
      column.push_back(row[e]);
    }
    state.cut_offs[e] = rule.decay * state.cut_offs[e] + (1 - rule.decay) * with_rank(column, fair - 1);
    state.thresholds[e] = state.cut_offs[e] / state.raw_weight;
  }
}

void servo(const NaiveRule& rule, const NaiveStep& step, NaiveSteering& state) {
  const double mean = mean_of(step.loads);
  for (std::size_t e = 0; e < state.bias.size(); ++e) {
    state.bias[e] += state.coefficient * sign_of(mean - step.loads[e]);
  }
  const bool too_uneven = *std::max_element(step.loads.begin(), step.loads.end()) / mean - 1 > rule.target;
  if (rule.variant == "exponential") {
    state.coefficient = state.coefficient * std::exp(too_uneven ? rule.by : -rule.by);
  } else {
    state.coefficient = too_uneven ? state.coefficient + rule.by : state.coefficient - rule.by;
  }
  state.coefficient = std::min(rule.highest, std::max(rule.lowest, state.coefficient));
}

void smebu(const NaiveRule& rule, const NaiveStep& step, NaiveSteering& state) {
  const double mean = mean_of(step.loads);
  Numbers delta;
  for (const double load : step.loads) {
    delta.push_back(rule.rate * std::tanh(rule.kappa * (mean - load) / mean));
  }
  subtract_mean(delta);
  for (std::size_t e = 0; e < delta.size(); ++e) {
    state.momentum[e] = rule.momentum * state.momentum[e] + (1 - rule.momentum) * delta[e];
    state.bias[e] += state.momentum[e];
  }
}

void id_balancing(const NaiveRule& rule, const NaiveStep& step, NaiveSteering& state) {
  const double mean = mean_of(step.loads);
  Numbers errors;
  for (const double load : step.loads) {
    errors.push_back((mean - load) / mean);
  }
  for (std::size_t e = 0; e < errors.size(); ++e) {
    const double old = state.errors.empty() ? 0 : state.errors[e];
    const double gate = old * (errors[e] - old) > 0 ? 1 : 0;
    state.bias[e] += rule.integral * errors[e] + rule.derivative * gate * (errors[e] - old);
  }
  subtract_mean(state.bias);
  state.errors = errors;
}

void longcat(const NaiveRule& rule, const NaiveStep& step, NaiveSteering& state) {
  const int experts = static_cast<int>(step.loads.size());
  const int real = experts - step.num_zero_experts;
  const double wanted =
      rule.real_per_token > 0 ? rule.real_per_token : static_cast<double>(step.top_k) * real / experts;
  for (int e = 0; e < real; ++e) {
    const auto i = static_cast<std::size_t>(e);
    state.bias[i] += rule.rate * (wanted / (step.top_k * real) -
                                  step.loads[i] / (static_cast<double>(step.top_k) * step.tokens));
  }
}

void step_by_sign(const NaiveRule& rule, const NaiveStep& step, NaiveSteering& state) {
  const double mean = mean_of(step.loads);
  Numbers delta;
  for (const double load : step.loads) {
    delta.push_back(rule.rate * sign_of(mean - load));
  }
  if (rule.variant == "update") {
    subtract_mean(delta);
  }
  for (std::size_t e = 0; e < delta.size(); ++e) {
    state.bias[e] += delta[e];
    if (rule.kind == "loss_free_mul" && state.bias[e] < 0) {
      state.bias[e] = 0;
    }
  }
  if (rule.variant == "bias") {
    subtract_mean(state.bias);
  }
}

}  // namespace

void naive_update(const NaiveRule& rule, const NaiveStep& step, NaiveSteering& state) {
  if (rule.kind == "quantile_balancing") {
    quantiles(rule, step, state);
  } else if (rule.kind == "expert_threshold") {
    thresholds(rule, step, state);
  } else if (rule.kind == "maxvio_servo") {
    servo(rule, step, state);
  } else if (rule.kind == "smebu") {
    smebu(rule, step, state);
  } else if (rule.kind == "id_balancing") {
    id_balancing(rule, step, state);
  } else if (rule.kind == "longcat") {
    longcat(rule, step, state);
  } else if (rule.kind == "loss_free_prop") {
    const double mean = mean_of(step.loads);
    for (std::size_t e = 0; e < state.bias.size(); ++e) {
      const double missing = mean - step.loads[e];
      state.bias[e] += rule.rate * (rule.variant == "counts" ? missing : missing / mean);
    }
  } else {
    step_by_sign(rule, step, state);
  }
}

}  // namespace moesim::testing
