#pragma once
// Private to this room: experts that need no product with a matrix, the zero-computation experts of MoE++
// (Jin et al. 2024, arXiv:2410.07348; SkyworkAI/MoE-plus-plus, MoE++/moe_plus_plus_layer.py).
//
//   zero      0: discards the token (also the null experts of AdaMoE, arXiv:2406.13233)
//   copy      x: skips the layer (also the identity experts of LongCat-Flash, arXiv:2509.01322)
//   constant  α₁·x + α₂·v, (α₁, α₂) = softmax(W·x): replaces a part; each such expert has its v [D], W [2,D]
//
// In the pool they stand behind the ffn experts in MoE++'s order: constant, copy, zero. LongCat's identity
// experts stand there too.

#include "experts/executor.h"

namespace moesim {

// Fills rows.out for the rows of every expert that is not an ffn. Each row depends on itself alone.
void run_zero_computation(const ExpertRows& rows, const Context& context);

}  // namespace moesim
