#pragma once
// Latent experts: the routed experts of a layer work in a narrower space. z = W↓x, the experts run on z and
// their outputs are combined there, then y = W↑·combined. Router and shared experts see the full width.
// NVIDIA/Megatron-LM, megatron/core/transformer/moe/moe_layer.py (moe_latent_size: Nemotron 3 Super and
// Ultra), without a norm; Kimi-K3 (arXiv:2607.24653) RMS-normalises what was combined before W↑
// (latent_moe_use_norm).

#include <cstdint>

#include "core/parallel.h"
#include "core/random.h"
#include "core/shape.h"

namespace moesim {

struct LatentMaps {
  Matrix down;        // W↓ [ℓ,D]; no rows: the experts work at full width
  Matrix up;          // W↑ [D,ℓ]
  bool norm = false;  // between combine and W↑

  bool none() const { return down.rows() == 0; }
  std::uint64_t num_params() const {
    return static_cast<std::uint64_t>(down.rows() * down.cols() + up.rows() * up.cols());
  }
};

// 2·D·ℓ, or 0. Throws Error(out_of_memory) when it does not fit 64 bits.
std::uint64_t latent_params(const LayerShape& shape);

// Seeded, with variances 1/D and 1/ℓ; none when the shape has no latent width.
LatentMaps make_latent_maps(const LayerShape& shape, RandomKey key, const Context& context);

}  // namespace moesim
