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

// ffn multiplies; the others need no product with a matrix (experts/zero_computation.h).
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
  Index d_model = 0;  // width of a row
  Index width = 0;    // F
  Activation activation = Activation::swiglu;
  WeightType weight_type = WeightType::float32;
  std::vector<ExpertKind> kind;  // [E]: first the ffn experts, last the constant ones
  Matrix up;                     // [ffn·F,D]
  Matrix gate_proj;              // [ffn·F,D], or empty when not gated
  Matrix down;                   // [ffn·F,D]
  Matrix constant;               // [C,D]: v of the C constant experts
  Matrix constant_gate;          // [2C,D]: W of each of them, two rows

  Index num_experts() const { return static_cast<Index>(kind.size()); }
  MatrixView up_of(Index e) const { return up.view().block(e * width, width); }
  MatrixView gate_proj_of(Index e) const { return gate_proj.view().block(e * width, width); }
  MatrixView down_of(Index e) const { return down.view().block(e * width, width); }
  Index constant_place(Index e) const { return e - up.rows() / width; }
  std::uint64_t params_per_expert() const { return ffn_params(d_model, width, activation); }
  std::uint64_t weight_bytes() const;
};

struct BankOptions {
  std::uint64_t seed = 0;
  Stream stream = Stream::expert_weight;
  std::uint32_t layer = 0;
  Index num_experts = 1;  // ffn
  Index d_model = 0;
  Index width = 0;
  Activation activation = Activation::swiglu;
  Index constant_experts = 0;  // these stand behind the ffn experts, in this order
  Index copy_experts = 0;
  Index zero_experts = 0;
};

std::vector<ExpertKind> expert_kinds(const BankOptions& options);

// Seeded experts. Weights are uniform with variance 1/D (up, gate_proj, constant_gate) and 1/F (down), which
// keeps rows of unit size at about unit size, and 1 (constant); a pure function of the options, made in
// parallel. Adding experts without a product changes no weight of the others.
ExpertBank make_bank(const BankOptions& options, const Context& context);

}  // namespace moesim
