#include "oracle/structures.h"

#include <cmath>

namespace moesim::testing {
namespace {

double inner(const Row& a, const Row& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

Row map(const Rows& matrix, const Row& x) {
  Row out;
  for (const Row& row : matrix) {
    out.push_back(inner(row, x));
  }
  return out;
}

double act(const std::string& activation, double z) {
  if (activation == "silu") {
    return z / (1.0 + std::exp(-z));
  }
  if (activation == "gelu") {
    return 0.5 * z * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (z + 0.044715 * z * z * z)));
  }
  return z > 0 ? z : 0;
}

double hidden_unit(const std::string& activation, double gate, double up) {
  if (activation == "oai") {
    const double g = gate > 7.0 ? 7.0 : gate;
    const double u = up > 7.0 ? 7.0 : up < -7.0 ? -7.0 : up;
    return (u + 1.0) * (g / (1.0 + std::exp(-1.702 * g)));
  }
  return act(activation, gate) * up;
}

Row run_ffn(const NaiveLayerFfn& ffn, const Row& x) {
  Row out = ffn.down_bias.empty() ? Row(x.size(), 0.0) : ffn.down_bias;
  const auto made = [&x](const Row& weights, const Row& bias, std::size_t f) {
    return inner(weights, x) + (bias.empty() ? 0.0 : bias[f]);
  };
  for (std::size_t f = 0; f < ffn.up.size(); ++f) {
    double hidden = made(ffn.up[f], ffn.up_bias, f);
    hidden = ffn.gate.empty() ? act(ffn.activation, hidden)
                              : hidden_unit(ffn.activation, made(ffn.gate[f], ffn.gate_bias, f), hidden);
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] += hidden * ffn.down[f][i];
    }
  }
  return out;
}

Row softmax(const Row& z) {
  double largest = z[0];
  for (const double v : z) {
    largest = v > largest ? v : largest;
  }
  Row p;
  double sum = 0;
  for (const double v : z) {
    p.push_back(std::exp(v - largest));
    sum += p.back();
  }
  for (double& v : p) {
    v /= sum;
  }
  return p;
}

Row run_expert(const NaiveLayer& layer, int expert, const Row& x) {
  if (expert < static_cast<int>(layer.ffn.size())) {
    return run_ffn(layer.ffn[static_cast<std::size_t>(expert)], x);
  }
  expert -= static_cast<int>(layer.ffn.size());
  const int constants = static_cast<int>(layer.constant.size());
  if (expert >= constants) {
    return expert - constants < layer.copy ? x : Row(x.size(), 0.0);
  }
  const NaiveConstant& constant = layer.constant[static_cast<std::size_t>(expert)];
  const Row alpha = softmax({inner(constant.first, x), inner(constant.second, x)});
  Row out;
  for (std::size_t i = 0; i < x.size(); ++i) {
    out.push_back(alpha[0] * x[i] + alpha[1] * constant.value[i]);
  }
  return out;
}

Row rms_normed(const Row& x) {
  const double scale = 1.0 / std::sqrt(inner(x, x) / static_cast<double>(x.size()) + 1e-6);
  Row out;
  for (const double v : x) {
    out.push_back(v * scale);
  }
  return out;
}

NaiveLayerOutput routed_sum(const NaiveLayer& layer, const Row& x,
                            const std::vector<NaiveAssignment>& assignments, bool weight_on_input) {
  const Row seen = layer.latent_down.empty() ? x : map(layer.latent_down, x);
  Row sum(seen.size(), 0.0);
  for (const NaiveAssignment& assignment : assignments) {
    Row in = seen;
    for (double& v : in) {
      v *= weight_on_input ? assignment.weight : 1.0;
    }
    const Row out = run_expert(layer, assignment.expert, in);
    for (std::size_t i = 0; i < sum.size(); ++i) {
      sum[i] += (weight_on_input ? 1.0 : assignment.weight) * out[i];
    }
  }
  if (layer.latent_down.empty()) {
    return {sum};
  }
  if (!layer.latent_norm) {
    return {map(layer.latent_up, sum)};
  }
  return {map(layer.latent_up, rms_normed(sum)),
          std::sqrt(inner(sum, sum) / static_cast<double>(sum.size()))};
}

}  // namespace

NaiveLayerOutput naive_layer(const NaiveLayer& layer, const Row& x,
                             const std::vector<NaiveAssignment>& assignments, bool weight_on_input) {
  NaiveLayerOutput output = routed_sum(layer, x, assignments, weight_on_input);
  if (!layer.has_shared) {
    return output;
  }
  const Row shared = run_ffn(layer.shared, x);
  Row weights = {1.0, 1.0};
  if (layer.shared_kind == "gated") {
    weights[1] = 1.0 / (1.0 + std::exp(-inner(layer.shared_gate[0], x)));
  }
  if (layer.shared_kind == "residual_mix") {
    weights = softmax({inner(layer.shared_gate[0], x) + layer.shared_bias[0],
                       inner(layer.shared_gate[1], x) + layer.shared_bias[1]});
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    output.y[i] = weights[0] * output.y[i] + weights[1] * shared[i];
  }
  return output;
}

}  // namespace moesim::testing
