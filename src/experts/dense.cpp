#include "experts/dense.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/checked.h"
#include "experts/shared.h"

namespace moesim {
namespace {

constexpr Index kWidest = std::numeric_limits<Index>::max();

// Hidden units at full width that have the parameters of `experts` routed experts and of the latent maps.
Index routed_width(std::uint64_t experts, const LayerShape& shape) {
  if (shape.latent_width == 0) {
    const std::uint64_t width =
        checked_mul(experts, static_cast<std::uint64_t>(shape.d_ff), "the width of the dense layer");
    return static_cast<Index>(std::min<std::uint64_t>(width, kWidest));
  }
  const double latent = static_cast<double>(shape.latent_width);
  const double matrices = is_gated(shape.activation) ? 3.0 : 2.0;
  const double width = static_cast<double>(experts) * static_cast<double>(shape.d_ff) * latent /
                           static_cast<double>(shape.d_model) +
                       2.0 * latent / matrices;
  return width < 9e18 ? std::max<Index>(1, std::llround(width)) : kWidest;
}

Index width_of(Index experts, const LayerShape& shape) {
  const Index routed = routed_width(static_cast<std::uint64_t>(experts), shape);
  const Index shared = shared_ffn_width(shape);
  return shared > kWidest - routed ? kWidest : routed + shared;
}

}  // namespace

Index dense_same_active_width(const LayerShape& shape, Index active_experts) {
  return width_of(std::max<Index>(1, active_experts), shape);
}

Index dense_same_total_width(const LayerShape& shape) {
  return width_of(shape.num_experts, shape);
}

}  // namespace moesim
