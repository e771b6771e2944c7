#pragma once
// The double-precision reference: plain loops written from the formulas of docs/glossary.md, sharing no code
// with src/experts.

#include <algorithm>
#include <cmath>
#include <vector>

#include "experts/bank.h"

namespace moesim::reference {

inline double activate(Activation activation, double gate, double up) {
  const auto silu = [](double x) { return x / (1.0 + std::exp(-x)); };
  const auto gelu = [](double x) {
    return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
  };
  switch (activation) {
    case Activation::swiglu:
      return silu(gate) * up;
    case Activation::swiglu_oai: {
      const double g = std::fmin(gate, 7.0);
      const double u = std::fmax(std::fmin(up, 7.0), -7.0);
      return (u + 1.0) * g / (1.0 + std::exp(-1.702 * g));
    }
    case Activation::geglu:
      return gelu(gate) * up;
    case Activation::gelu:
      return gelu(up);
    case Activation::relu:
      return up > 0 ? up : 0;
    case Activation::silu:
      return silu(up);
  }
  return 0;
}

// One row through an expert.
inline std::vector<double> expert_row(const FfnWeights& weights, Activation activation,
                                      std::span<const float> x) {
  std::vector<double> y(x.size(), 0.0);
  std::copy(weights.output_bias.begin(), weights.output_bias.end(), y.begin());
  for (Index f = 0; f < weights.up.rows(); ++f) {
    const auto i = static_cast<std::size_t>(f);
    double up = weights.up_bias.empty() ? 0.0 : static_cast<double>(weights.up_bias[i]);
    double gate = weights.gate_bias.empty() ? 0.0 : static_cast<double>(weights.gate_bias[i]);
    for (std::size_t d = 0; d < x.size(); ++d) {
      up += static_cast<double>(weights.up.row(f)[d]) * x[d];
      gate += is_gated(activation) ? static_cast<double>(weights.gate_proj.row(f)[d]) * x[d] : 0.0;
    }
    const double h = reference::activate(activation, gate, up);
    for (std::size_t d = 0; d < x.size(); ++d) {
      y[d] += h * weights.down.row(f)[d];
    }
  }
  return y;
}

// ‖a − b‖ / ‖b‖; the absolute distance where b is zero.
inline double relative_distance(std::span<const float> a, const std::vector<double>& b) {
  double distance = 0;
  double size = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    distance += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  return size > 0 ? std::sqrt(distance / size) : std::sqrt(distance);
}

}  // namespace moesim::reference
