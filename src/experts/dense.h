#pragma once
// The dense layers a Mixture-of-Experts layer is compared with. The fourth, dense_same_time, has a width that
// is found by measuring (engine/same_time.h).

#include "core/shape.h"
#include "experts/bank.h"

namespace moesim {

// A dense layer is like an expert, D wide.
FfnShape dense_ffn_shape(const LayerShape& shape, Index width);

// Same active parameters: width k·d_ff + shared width (for routers without a fixed k, and with experts that
// need no product: the mean number of kept ffn experts, rounded, at least 1; of a soft router S/T, which may
// be a fraction of an expert). The gate and what gates the shared experts are not matched. With a latent
// width ℓ the experts and the latent maps have the parameters of k·d_ff·ℓ/D + 2ℓ/m hidden units, m matrices
// an expert: that, rounded, instead of k·d_ff.
Index dense_same_active_width(const LayerShape& shape, double active_experts);

// Same total parameters: the same with all E ffn experts. Those without a product count nothing.
Index dense_same_total_width(const LayerShape& shape);

// Same multiplications and additions for a token, to within half a hidden unit; at least 1.
// `flops_per_token`: of the Mixture-of-Experts layer as LayerCost counts them (metrics/parameters.h), gates,
// the mean number of kept experts as a fraction and a soft router's mixtures included.
Index dense_same_flops_width(const LayerShape& shape, double flops_per_token);

// Hidden units of a panel in the widest kernels: a layer whose width is no multiple computes the rest all the
// same (experts/kernels/kernels.h).
constexpr Index panel_units(Activation activation) {
  return is_gated(activation) ? 16 : 32;
}

}  // namespace moesim
