#pragma once
// Private to this room: the activation functions on Eigen arrays, element by element.
// silu(x) = x·sigmoid(x); gelu in its tanh form (Hendrycks and Gimpel, arXiv:1606.08415, section 2); the
// gated forms multiply act(gate_proj·x) by up·x (Shazeer, arXiv:2002.05202); swiglu_oai is that of gpt-oss
// (transformers, GptOssExperts): (u + 1)·g·sigmoid(α·g) with g cut off above and u on both sides.

#include <Eigen/Core>

#include "core/shape.h"

namespace moesim {

// Turns `up` (and `gate`, used only when gated) of the same size into hidden units, in place in `up`.
template <class UpArray, class GateArray>
void activate(Activation activation, UpArray&& up, const GateArray& gate) {
  using Scalar = typename std::decay_t<UpArray>::Scalar;
  const auto gelu = [](const auto& x) {
    constexpr Scalar kSqrt2OverPi = Scalar(0.7978845608028654);
    return Scalar(0.5) * x * (Scalar(1) + (kSqrt2OverPi * (x + Scalar(0.044715) * x * x * x)).tanh());
  };
  switch (activation) {
    case Activation::swiglu:
      up *= gate / (Scalar(1) + (-gate).exp());
      return;
    case Activation::swiglu_oai: {
      // Selects, so that NaN stays NaN.
      const Scalar limit = kOaiLimit;
      const auto g = (gate > limit).select(limit, gate).eval();
      const auto u = (up > limit).select(limit, (up < -limit).select(-limit, up)).eval();
      up = (u + Scalar(1)) * g / (Scalar(1) + (Scalar(-kOaiAlpha) * g).exp());
      return;
    }
    case Activation::geglu:
      up *= gelu(gate);
      return;
    case Activation::gelu:
      up = gelu(up).eval();
      return;
    case Activation::relu:
      up = up.max(Scalar(0));
      return;
    case Activation::silu:
      up = (up / (Scalar(1) + (-up).exp())).eval();
      return;
  }
}

}  // namespace moesim
