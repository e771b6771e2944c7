#pragma once
// All expert weights of one layer, read-only while running, and what they cost.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/fields.h"
#include "core/matrix.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/shape.h"
#include "experts/weight_type.h"

namespace moesim {

std::span<const EnumName<Activation>> enum_names(Activation);

// ffn multiplies; the others need no product with a matrix (experts/zero_computation.h).
enum class ExpertKind : std::uint8_t { ffn, zero, copy, constant };

std::span<const EnumName<WeightType>> enum_names(WeightType);

constexpr std::uint64_t bytes_per_weight(WeightType type) {
  return type == WeightType::float32 ? 4 : type == WeightType::int8 ? 1 : 2;
}

// Of one ffn expert of hidden width F: D·F for each of its two (or, gated, three) matrices; no biases.
std::uint64_t ffn_params(Index d_model, Index width, Activation activation);
// Multiplications and additions of one row through it (activation functions not counted).
std::uint64_t ffn_flops_per_row(Index d_model, Index width, Activation activation);

// What all ffn experts of a bank share. Expert e computes down(act(gate_proj·x) ⊙ up·x) when gated, else
// down(act(up·x)).
struct FfnShape {
  Index d_model = 0;  // width of a row
  Index width = 0;    // F
  Activation activation = Activation::swiglu;
};

// Plain weights of some neighbouring hidden units of one expert, each matrix [units,D]: row f of up and
// gate_proj makes hidden unit f, row f of down is what unit f adds to the output (the transpose of the usual
// [D,F]), so that any block of units is contiguous in all three.
struct FfnUnits {
  Index first = 0;
  MatrixView up;
  MatrixView gate_proj;  // no rows when not gated
  MatrixView down;
};

// All experts of one layer, the ffn experts in the layout of the executor that will run them.
struct ExpertBank {
  FfnShape ffn;
  std::string layout;  // of the executor that packed it
  WeightType weight_type = WeightType::float32;
  std::vector<ExpertKind> kind;  // [E]: first the ffn experts, last the constant ones
  Matrix weights;                // [ffn, bytes of a packed expert / 4]
  Matrix constant;               // [C,D]: v of the C constant experts
  Matrix constant_gate;          // [2C,D]: W of each of them, two rows

  Index num_experts() const { return static_cast<Index>(kind.size()); }
  const std::byte* packed(Index e) const { return reinterpret_cast<const std::byte*>(weights.row(e).data()); }
  Index constant_place(Index e) const { return e - weights.rows(); }
  // Of the parameters, not of the layout's filling.
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

  FfnShape ffn() const { return {d_model, width, activation}; }
};

std::vector<ExpertKind> expert_kinds(const BankOptions& options);

class Executor;

// Seeded experts, packed by `executor`. Weights are uniform with variance 1/D (up, gate_proj, constant_gate)
// and 1/F (down), which keeps rows of unit size at about unit size, and 1 (constant); a pure function of the
// options, made in parallel. Adding experts without a product changes no weight of the others. Memory beyond
// the bank: a few hidden units a thread.
ExpertBank make_bank(const BankOptions& options, const Executor& executor, const Context& context);

// Plain weights of one ffn expert of that bank, whole: what packing starts from.
struct FfnWeights {
  Matrix up, gate_proj, down;  // [F,D] each; gate_proj without rows when not gated
};
FfnWeights make_ffn_weights(const BankOptions& options, Index expert);

}  // namespace moesim
