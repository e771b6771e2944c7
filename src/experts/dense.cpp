#include "experts/dense.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "experts/shared.h"

namespace moesim {
namespace {

constexpr Index kWidest = std::numeric_limits<Index>::max();

Index whole_width(double width) {
  return width < 9e18 ? std::max<Index>(1, std::llround(width)) : kWidest;
}

// Hidden units at full width that have the parameters of `experts` routed experts and of the latent maps.
Index routed_width(double experts, const LayerShape& shape) {
  double width = experts * static_cast<double>(shape.d_ff);
  if (shape.latent_width > 0) {
    const double latent = static_cast<double>(shape.latent_width);
    const double matrices = is_gated(shape.activation) ? 3.0 : 2.0;
    width = width * latent / static_cast<double>(shape.d_model) + 2.0 * latent / matrices;
  }
  return whole_width(width);
}

Index width_of(double experts, const LayerShape& shape) {
  const Index routed = routed_width(experts, shape);
  const Index shared = shared_ffn_width(shape);
  return shared > kWidest - routed ? kWidest : routed + shared;
}

}  // namespace

FfnShape dense_ffn_shape(const LayerShape& shape, Index width) {
  return {shape.d_model, width, shape.activation, shape.ffn_bias};
}

Index dense_same_active_width(const LayerShape& shape, double active_experts) {
  return width_of(active_experts, shape);
}

Index dense_same_total_width(const LayerShape& shape) {
  return width_of(static_cast<double>(shape.num_experts), shape);
}

Index dense_same_flops_width(const LayerShape& shape, double flops_per_token) {
  const auto flops = [&shape](Index width) {
    return static_cast<double>(ffn_flops_per_row(dense_ffn_shape(shape, width)));
  };
  return whole_width((flops_per_token - flops(0)) / (flops(1) - flops(0)));
}

}  // namespace moesim
