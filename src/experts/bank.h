#pragma once
// All expert weights of one layer, read-only while running, and what they cost.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "config/fields.h"
#include "core/matrix.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/shape.h"

namespace moesim {

std::span<const EnumName<Activation>> enum_names(Activation);

// ffn multiplies; the others need no product: zero gives 0, copy its input, constant a stored vector
// (MoE++, arXiv:2410.07348; LongCat's identity experts, arXiv:2509.01322).
enum class ExpertKind : std::uint8_t { ffn, zero, copy, constant };

enum class WeightType { float32 };
constexpr std::uint64_t bytes_per_weight(WeightType) {
  return 4;
}

// Of one ffn expert of hidden width F: D·F for each of its two (or, gated, three) matrices; no biases.
std::uint64_t ffn_params(Index d_model, Index width, Activation activation);
// Multiplications and additions of one row through it (activation functions not counted).
std::uint64_t ffn_flops_per_row(Index d_model, Index width, Activation activation);

// Expert e computes down(act(gate_proj·x) ⊙ up·x) when gated, else down(act(up·x)).
// Each matrix is stored [F,D]: row f of up and gate_proj makes hidden unit f, row f of down is what unit f
// adds to the output (the transpose of the usual [D,F]), so that any block of hidden units is contiguous in
// all three.
struct ExpertBank {
  Index d_model = 0;
  Index width = 0;  // F
  Activation activation = Activation::swiglu;
  WeightType weight_type = WeightType::float32;
  std::vector<ExpertKind> kind;  // [E]
  Matrix up;                     // [E·F,D]
  Matrix gate_proj;              // [E·F,D], or empty when not gated
  Matrix down;                   // [E·F,D]
  Matrix constant;               // [E,D], or empty when no expert is a constant

  Index num_experts() const { return static_cast<Index>(kind.size()); }
  MatrixView up_of(Index e) const { return up.view().block(e * width, width); }
  MatrixView gate_proj_of(Index e) const { return gate_proj.view().block(e * width, width); }
  MatrixView down_of(Index e) const { return down.view().block(e * width, width); }
  std::uint64_t params_per_expert() const { return ffn_params(d_model, width, activation); }
  std::uint64_t weight_bytes() const;
};

struct BankOptions {
  std::uint64_t seed = 0;
  Stream stream = Stream::expert_weight;
  std::uint32_t layer = 0;
  Index num_experts = 1;
  Index d_model = 0;
  Index width = 0;
  Activation activation = Activation::swiglu;
};

// Seeded ffn experts. Weights are uniform with variance 1/D (up, gate_proj) and 1/F (down), which keeps rows
// of unit size at about unit size; a pure function of the options, made in parallel.
ExpertBank make_bank(const BankOptions& options, const Context& context);

}  // namespace moesim
