#include "experts/dense.h"

#include <limits>

#include "core/checked.h"

namespace moesim {
namespace {

Index width_of(Index experts, const LayerShape& shape) {
  const std::uint64_t width =
      checked_mul(checked_add(static_cast<std::uint64_t>(experts),
                              static_cast<std::uint64_t>(shape.num_shared_experts), "the number of experts"),
                  static_cast<std::uint64_t>(shape.d_ff), "the width of the dense layer");
  return static_cast<Index>(std::min<std::uint64_t>(width, std::numeric_limits<Index>::max()));
}

}  // namespace

Index dense_same_active_width(const LayerShape& shape, Index active_experts) {
  return width_of(active_experts < 1 ? 1 : active_experts, shape);
}

Index dense_same_total_width(const LayerShape& shape) {
  return width_of(shape.num_experts, shape);
}

}  // namespace moesim
