#pragma once
// The shape of a layer: what every room needs to know about sizes.

#include <string_view>

#include "core/activation.h"
#include "core/matrix.h"

namespace moesim {

constexpr bool is_gated(Activation a) {
  return a == Activation::swiglu || a == Activation::geglu || a == Activation::swiglu_oai;
}

// How the shared experts' output joins the sum of the routed ones; formulas and sources in experts/shared.h.
enum class SharedKind { plain, gated, residual_mix };

struct LayerShape {
  Index num_layers = 1;   // L
  Index d_model = 256;    // D
  Index d_ff = 512;       // F, hidden width of one expert
  Index num_experts = 8;  // E, routed experts that multiply (ffn)
  // Routed experts that need no product. In the pool the router chooses from they stand behind the ffn
  // experts, in this order.
  Index constant_experts = 0;
  Index copy_experts = 0;
  Index zero_experts = 0;
  Index num_shared_experts = 0;  // each of width d_ff; run as one ffn of their summed width
  Index shared_width = 0;        // if not 0: that summed width, instead of num_shared_experts
  SharedKind shared_kind = SharedKind::plain;
  Index latent_width = 0;  // ℓ; if not 0 the routed experts work on W↓x, which is ℓ wide
  bool latent_norm = false;
  Activation activation = Activation::swiglu;
  bool ffn_bias = false;  // the products of routed, shared and dense ffn experts have biases

  Index zero_computation_experts() const { return zero_experts + copy_experts + constant_experts; }
  Index pool_size() const { return num_experts + zero_computation_experts(); }
  bool has_shared() const { return num_shared_experts > 0 || shared_width > 0; }
  Index expert_width() const {
    return latent_width > 0 ? latent_width : d_model;
  }  // of a routed expert's rows
};

}  // namespace moesim
