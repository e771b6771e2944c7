#pragma once
// Alone in its file because the kernels, which include nothing else of this room, need it.

namespace moesim {

// The gated ones (swiglu, geglu) have three matrices per expert, the others two.
enum class Activation { swiglu, geglu, gelu, relu, silu };

}  // namespace moesim
