#pragma once
// The scorer: hidden states → logits. Linear, with an optional bias; seeded weights N(0, 1/D), so that logits
// of RMS-normalised rows are about N(0, 1).

#include <vector>

#include "core/matrix.h"
#include "core/parallel.h"
#include "core/random.h"

namespace moesim {

struct Gate {
  Matrix weight;            // [E,D]
  std::vector<float> bias;  // [E], or empty

  std::uint64_t num_params() const {
    return static_cast<std::uint64_t>(weight.rows() * weight.cols()) + bias.size();
  }
};

// `with_bias`: seeded N(0, 0.02²), as in gpt-oss-style gates.
Gate make_gate(std::uint64_t seed, std::uint32_t layer, Index num_experts, Index d_model, bool with_bias);

// logits[T,E] = hidden[T,D]·weightᵀ + bias, by fixed tiles of rows: a row's logits have the same bits
// whatever rows share its batch, on any number of threads.
void gate_logits(const Gate& gate, MatrixView hidden, MutableMatrixView logits, const Context& context);

}  // namespace moesim
