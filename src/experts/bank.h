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

// What all ffn experts of a bank share. Expert e computes down(act(gate_proj·x) ⊙ up·x) when gated, else
// down(act(up·x)); with biases each of the products has one.
struct FfnShape {
  Index d_model = 0;  // width of a row
  Index width = 0;    // F
  Activation activation = Activation::swiglu;
  bool biases = false;
};

FfnShape expert_ffn_shape(const LayerShape& shape);  // of a routed expert

// Of one ffn expert: D·F for each of its two (or, gated, three) matrices, and its biases: F for each matrix
// into the hidden units, D for down. Throws Error(out_of_memory) when it does not fit 64 bits.
std::uint64_t ffn_params(const FfnShape& shape);
std::uint64_t ffn_biases(const FfnShape& shape);  // those of them that are biases, always float32
// Bytes of both.
std::uint64_t ffn_weight_bytes(const FfnShape& shape, WeightType type);
// Multiplications and additions of one row through it: 2 a parameter (activation functions not counted).
std::uint64_t ffn_flops_per_row(const FfnShape& shape);
// The same without biases.
std::uint64_t ffn_params(Index d_model, Index width, Activation activation);
std::uint64_t ffn_flops_per_row(Index d_model, Index width, Activation activation);

// Plain weights of some neighbouring hidden units of one expert, each matrix [units,D]: row f of up and
// gate_proj makes hidden unit f, row f of down is what unit f adds to the output (the transpose of the usual
// [D,F]), so that any block of units is contiguous in all three.
struct FfnUnits {
  Index first = 0;
  MatrixView up;
  MatrixView gate_proj;  // no rows when not gated
  MatrixView down;
  // Only where the shape has biases: [units] each, and with the units that begin at 0 the one of down, [D].
  std::span<const float> up_bias = {};
  std::span<const float> gate_bias = {};
  std::span<const float> output_bias = {};
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

// What a bank holds, whatever the weights are.
struct BankShape {
  FfnShape ffn;
  Index num_experts = 1;       // ffn
  Index constant_experts = 0;  // these stand behind the ffn experts, in this order
  Index copy_experts = 0;
  Index zero_experts = 0;
};
std::vector<ExpertKind> expert_kinds(const BankShape& shape);

// Plain weights of one ffn expert, or of some of its hidden units: what packing starts from.
struct FfnWeights {
  Matrix up, gate_proj, down;  // [units,D] each, as in FfnUnits; gate_proj without rows when not gated
  std::vector<float> up_bias, gate_bias;  // [units], or none
  std::vector<float> output_bias;         // [D], or none
};

// Hidden units [first, first + count) of an expert.
struct UnitRange {
  Index expert = 0;
  Index first = 0;
  Index count = 0;
};

// Where the weights of the ffn experts of a bank come from.
class ExpertSource {
 public:
  virtual ~ExpertSource() = default;
  // Overwrites every number of `weights`, which has the sizes of the bank's shape and of the range: up, down
  // and, gated, gate_proj; with biases up_bias, gated gate_bias, and where the range begins at 0 output_bias.
  // Called from several threads at once, each with weights of its own; what it throws ends the making of the
  // bank.
  virtual void read_units(const UnitRange& range, FfnWeights& weights) const = 0;
  // Units that are asked for at once, rounded up to 64: more where the source reads a few as dearly as many.
  virtual Index units_at_once() const { return 64; }
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
  bool biases = false;

  FfnShape ffn() const { return {d_model, width, activation, biases}; }
  BankShape shape() const { return {ffn(), num_experts, constant_experts, copy_experts, zero_experts}; }
};

class Executor;

// Experts with the weights of `source`, packed by `executor`, in parallel. What constant experts store is
// zero. Memory beyond the bank: the units that are asked for at once, for each thread.
ExpertBank make_bank_of(const BankShape& shape, const ExpertSource& source, const Executor& executor,
                        const Context& context);

// Seeded experts, packed by `executor`. Weights are uniform with variance 1/D (up, gate_proj, constant_gate)
// and 1/F (down), which keeps rows of unit size at about unit size, and 1 (constant); biases as the weights
// beside them. A pure function of the options, made in parallel. Adding experts without a product or biases
// changes no weight of the others.
ExpertBank make_bank(const BankOptions& options, const Executor& executor, const Context& context);

// Plain weights of one ffn expert of that bank, whole.
FfnWeights make_ffn_weights(const BankOptions& options, Index expert);

}  // namespace moesim
