#include "oracle/moe_block.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace moesim::testing {
namespace {

Row product(const Rows& matrix, const Row& x, const Row& bias = {}) {
  Row y;
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    double sum = bias.empty() ? 0.0 : bias[i];
    for (std::size_t j = 0; j < x.size(); ++j) {
      sum += matrix[i][j] * x[j];
    }
    y.push_back(sum);
  }
  return y;
}

double sigmoid(double z) {
  return 1.0 / (1.0 + std::exp(-z));
}

double silu(double z) {
  return z * sigmoid(z);
}

// In its tanh form, as jax.nn.gelu has it by default.
double gelu(double z) {
  const double pi = std::acos(-1.0);
  return 0.5 * z * (1.0 + std::tanh(std::sqrt(2.0 / pi) * (z + 0.044715 * z * z * z)));
}

Row gated(const NaiveFfn& ffn, const Row& x, double (*activation)(double)) {
  Row hidden = product(ffn.up, x, ffn.up_bias);
  const Row gate = product(ffn.gate, x, ffn.gate_bias);
  for (std::size_t f = 0; f < hidden.size(); ++f) {
    hidden[f] *= activation(gate[f]);
  }
  return product(ffn.down, hidden, ffn.down_bias);
}

Row swiglu(const NaiveFfn& ffn, const Row& x) {
  return gated(ffn, x, silu);
}

Row softmax(const Row& z) {
  const double top = *std::max_element(z.begin(), z.end());
  Row p;
  double sum = 0.0;
  for (const double v : z) {
    p.push_back(std::exp(v - top));
    sum += p.back();
  }
  for (double& v : p) {
    v /= sum;
  }
  return p;
}

// The k largest, best first; of equals the first.
std::vector<int> top(const Row& values, int k) {
  std::vector<int> order(values.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = static_cast<int>(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return values[a] > values[b]; });
  order.resize(static_cast<std::size_t>(k));
  return order;
}

Row plus(Row a, const Row& b) {
  for (std::size_t i = 0; i < b.size(); ++i) {
    a[i] += b[i];
  }
  return a;
}

Row picked(const Row& values, const std::vector<int>& which) {
  Row some;
  for (const int i : which) {
    some.push_back(values[static_cast<std::size_t>(i)]);
  }
  return some;
}

void divide_by_sum(Row& weights, double added = 0.0) {
  double sum = added;
  for (const double w : weights) {
    sum += w;
  }
  for (double& w : weights) {
    w /= sum;
  }
}

void multiply(Row& weights, double by) {
  for (double& w : weights) {
    w *= by;
  }
}

void add(Row& y, double weight, const Row& row) {
  for (std::size_t i = 0; i < y.size(); ++i) {
    y[i] += weight * row[i];
  }
}

// Σ weight·expert(x), and the shared experts where there are any.
NaiveOutput finish(const NaiveBlock& block, const Row& x, NaiveOutput out) {
  out.y.assign(x.size(), 0.0);
  for (std::size_t i = 0; i < out.experts.size(); ++i) {
    const auto e = static_cast<std::size_t>(out.experts[i]);
    add(out.y, out.weights[i], e < block.experts.size() ? swiglu(block.experts[e], x) : x);
  }
  if (!block.shared.up.empty()) {
    double weight = 1.0;
    if (!block.shared_gate.empty()) {
      double z = 0.0;
      for (std::size_t j = 0; j < x.size(); ++j) {
        z += block.shared_gate[j] * x[j];
      }
      weight = sigmoid(z);
    }
    add(out.y, weight, swiglu(block.shared, x));
  }
  return out;
}

NaiveOutput with_logits(const NaiveBlock& block, const Row& x) {
  NaiveOutput out;
  out.logits = product(block.gate, x, block.gate_bias);
  return out;
}

// The values of groups that are not kept become `fill`; a group is judged by `score`.
template <class Score>
Row limit_groups(Row values, int groups, int kept, double fill, const Score& score) {
  const std::size_t size = values.size() / static_cast<std::size_t>(groups);
  Row of_group;
  for (int g = 0; g < groups; ++g) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(size) * g;
    of_group.push_back(score(Row(begin, begin + static_cast<std::ptrdiff_t>(size))));
  }
  const std::vector<int> best = top(of_group, kept);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::find(best.begin(), best.end(), static_cast<int>(i / size)) == best.end()) {
      values[i] = fill;
    }
  }
  return values;
}

}  // namespace

NaiveOutput mixtral_block(const NaiveBlock& block, const Row& x) {
  NaiveOutput out = with_logits(block, x);
  const Row p = softmax(out.logits);
  out.experts = top(p, block.top_k);
  out.weights = picked(p, out.experts);
  divide_by_sum(out.weights);
  return finish(block, x, out);
}

NaiveOutput olmoe_block(const NaiveBlock& block, const Row& x) {
  NaiveOutput out = with_logits(block, x);
  const Row p = softmax(out.logits);
  out.experts = top(p, block.top_k);
  out.weights = picked(p, out.experts);
  return finish(block, x, out);
}

NaiveOutput grok1_block(const NaiveBlock& block, const Row& x) {
  NaiveOutput out = olmoe_block(block, x);
  out.y.assign(x.size(), 0.0);
  for (std::size_t i = 0; i < out.experts.size(); ++i) {
    add(out.y, out.weights[i], gated(block.experts[static_cast<std::size_t>(out.experts[i])], x, gelu));
  }
  return out;
}

NaiveOutput qwen2_moe_block(const NaiveBlock& block, const Row& x) {
  return olmoe_block(block, x);  // its shared expert has a gate, which finish() knows
}

NaiveOutput granite_block(const NaiveBlock& block, const Row& x) {
  NaiveOutput out = with_logits(block, x);
  out.experts = top(out.logits, block.top_k);
  out.weights = softmax(picked(out.logits, out.experts));
  return finish(block, x, out);
}

NaiveOutput deepseek_v2_block(const NaiveBlock& block, const Row& x, int groups, int kept, double scale) {
  NaiveOutput out = with_logits(block, x);
  const Row p = softmax(out.logits);
  const Row limited = limit_groups(
      p, groups, kept, 0.0, [](const Row& group) { return *std::max_element(group.begin(), group.end()); });
  out.experts = top(limited, block.top_k);
  out.weights = picked(p, out.experts);
  multiply(out.weights, scale);
  return finish(block, x, out);
}

NaiveOutput deepseek_v3_block(const NaiveBlock& block, const Row& x, int groups, int kept, double scale) {
  NaiveOutput out = with_logits(block, x);
  Row s;
  for (const double z : out.logits) {
    s.push_back(sigmoid(z));
  }
  Row choice = plus(s, block.selection_bias);
  if (groups > 1) {
    choice = limit_groups(choice, groups, kept, -std::numeric_limits<double>::infinity(), [](Row group) {
      std::sort(group.rbegin(), group.rend());
      return group.size() > 1 ? group[0] + group[1] : group[0];
    });
  }
  out.experts = top(choice, block.top_k);
  out.weights = picked(s, out.experts);
  divide_by_sum(out.weights, 1e-20);
  multiply(out.weights, scale);
  return finish(block, x, out);
}

NaiveOutput minimax_m2_block(const NaiveBlock& block, const Row& x) {
  return deepseek_v3_block(block, x, 1, 1, 1.0);
}

NaiveOutput ernie_block(const NaiveBlock& block, const Row& x) {
  NaiveOutput out = with_logits(block, x);
  const Row p = softmax(out.logits);
  out.experts = top(plus(p, block.selection_bias), block.top_k);
  out.weights = picked(p, out.experts);
  double sum = 0.0;
  for (const double w : out.weights) {
    sum += w;
  }
  multiply(out.weights, 1.0 / std::max(sum, 1e-12));
  return finish(block, x, out);
}

NaiveOutput longcat_block(const NaiveBlock& block, const Row& x, double scale) {
  NaiveOutput out = with_logits(block, x);
  const Row p = softmax(out.logits);
  out.experts = top(plus(p, block.selection_bias), block.top_k);
  out.weights = picked(p, out.experts);
  multiply(out.weights, scale);
  return finish(block, x, out);
}

NaiveOutput gpt_oss_block(const NaiveBlock& block, const Row& x) {
  NaiveOutput out = with_logits(block, x);
  out.experts = top(out.logits, block.top_k);
  out.weights = softmax(picked(out.logits, out.experts));
  out.y.assign(x.size(), 0.0);
  for (std::size_t i = 0; i < out.experts.size(); ++i) {
    const NaiveFfn& ffn = block.experts[static_cast<std::size_t>(out.experts[i])];
    Row hidden = product(ffn.up, x, ffn.up_bias);
    const Row gate = product(ffn.gate, x, ffn.gate_bias);
    for (std::size_t f = 0; f < hidden.size(); ++f) {
      const double g = std::min(gate[f], 7.0);
      const double u = std::max(-7.0, std::min(hidden[f], 7.0));
      hidden[f] = (u + 1.0) * g * sigmoid(1.702 * g);
    }
    add(out.y, out.weights[i], product(ffn.down, hidden, ffn.down_bias));
  }
  return out;
}

NaiveOutput llama4_block(const NaiveBlock& block, const Row& x) {
  NaiveOutput out = with_logits(block, x);
  out.experts = top(out.logits, block.top_k);
  out.y = swiglu(block.shared, x);
  for (const int e : out.experts) {
    out.weights.push_back(sigmoid(out.logits[static_cast<std::size_t>(e)]));
    Row scaled = x;
    multiply(scaled, out.weights.back());
    add(out.y, 1.0, swiglu(block.experts[static_cast<std::size_t>(e)], scaled));
  }
  return out;
}

// Two rounds: the best logit; a softmax over those within 2·jitter of it, measured by the larger of its value
// and each one's magnitude. The second round goes without the first one's expert.
NaiveOutput phimoe_block(const NaiveBlock& block, const Row& x, double jitter) {
  NaiveOutput out = with_logits(block, x);
  Row left = out.logits;
  for (int round = 0; round < block.top_k; ++round) {
    const int best = top(left, 1)[0];
    const double m = left[static_cast<std::size_t>(best)];
    Row near;
    for (std::size_t e = 0; e < left.size(); ++e) {
      const double z = out.logits[e];
      const bool taken =
          std::find(out.experts.begin(), out.experts.end(), static_cast<int>(e)) != out.experts.end();
      const double factor = std::max(std::abs(z), m);
      const bool far = (m - z) / factor > 2.0 * jitter;
      near.push_back(taken || far ? -std::numeric_limits<double>::infinity() : z);
    }
    out.weights.push_back(softmax(near)[static_cast<std::size_t>(best)]);
    out.experts.push_back(best);
    left[static_cast<std::size_t>(best)] = -std::numeric_limits<double>::infinity();
  }
  return finish(block, x, out);
}

}  // namespace moesim::testing
