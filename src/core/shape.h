#pragma once
// The shape of a layer: what every room needs to know about sizes.

#include <string_view>

#include "core/matrix.h"

namespace moesim {

// The gated ones (swiglu, geglu) have three matrices per expert, the others two.
enum class Activation { swiglu, geglu, gelu, relu, silu };

constexpr bool is_gated(Activation a) {
  return a == Activation::swiglu || a == Activation::geglu;
}

struct LayerShape {
  Index num_layers = 1;          // L
  Index d_model = 256;           // D
  Index d_ff = 512;              // F, hidden width of one expert
  Index num_experts = 8;         // E
  Index num_shared_experts = 0;  // each of width d_ff; run as one ffn of their summed width
  Activation activation = Activation::swiglu;
};

}  // namespace moesim
