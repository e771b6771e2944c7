#pragma once
// The dense layers a Mixture-of-Experts layer is compared with.

#include "core/shape.h"

namespace moesim {

// Same active parameters: width k·d_ff + shared width (for routers without a fixed k: the mean number of kept
// ffn experts, rounded, at least 1). The gate is not matched.
Index dense_same_active_width(const LayerShape& shape, Index active_experts);

// Same total parameters: width E·d_ff + shared width.
Index dense_same_total_width(const LayerShape& shape);

}  // namespace moesim
