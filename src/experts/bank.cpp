#include "experts/bank.h"

#include <algorithm>

#include "core/checked.h"
#include "experts/executor.h"
#include "experts/fill.h"

namespace moesim {
namespace {

constexpr EnumName<Activation> kActivations[] = {{Activation::swiglu, "swiglu"},
                                                 {Activation::geglu, "geglu"},
                                                 {Activation::gelu, "gelu"},
                                                 {Activation::relu, "relu"},
                                                 {Activation::silu, "silu"}};

constexpr EnumName<WeightType> kWeightTypeNames[] = {{WeightType::float32, "float32"},
                                                     {WeightType::bf16, "bf16"},
                                                     {WeightType::fp16, "fp16"},
                                                     {WeightType::int8, "int8"}};

std::uint64_t matrices(Activation activation) {
  return is_gated(activation) ? 3 : 2;
}

// Units packed by one task: a multiple of the panel of every layout.
constexpr Index kUnitsPerBlock = 64;

RandomKey key_of(const BankOptions& options) {
  return {.seed = options.seed, .stream = options.stream, .layer = options.layer};
}

struct UnitRange {
  Index expert;
  Index first;
  Index count;
};

// Each matrix of the bank is one long [ffn·F,D]; these are some rows of all three.
FfnWeights make_units(const BankOptions& options, const UnitRange& range) {
  const auto first_row = static_cast<std::uint64_t>(range.expert * options.width + range.first);
  const auto make = [&](std::uint64_t place, float deviation) {
    Matrix rows(range.count, options.d_model);
    fill_rows({key_of(options), (place << 60) + first_row, deviation}, rows.view());
    return rows;
  };
  const float into = unit_deviation(options.d_model);
  FfnWeights weights;
  weights.up = make(0, into);
  weights.down = make(1, unit_deviation(options.width));
  if (is_gated(options.activation)) {
    weights.gate_proj = make(2, into);
  }
  return weights;
}

}  // namespace

std::span<const EnumName<WeightType>> enum_names(WeightType) {
  return kWeightTypeNames;
}

std::span<const EnumName<Activation>> enum_names(Activation) {
  return kActivations;
}

std::uint64_t ffn_params(Index d_model, Index width, Activation activation) {
  return checked_product(
      {matrices(activation), static_cast<std::uint64_t>(d_model), static_cast<std::uint64_t>(width)},
      "the weights of an expert");
}

std::uint64_t ffn_flops_per_row(Index d_model, Index width, Activation activation) {
  return checked_mul(2, ffn_params(d_model, width, activation), "the work of an expert");
}

std::uint64_t ExpertBank::weight_bytes() const {
  const std::uint64_t ffn_bytes =
      ffn_params(ffn.d_model, ffn.width, ffn.activation) * bytes_per_weight(weight_type);
  const Index others = (constant.rows() + constant_gate.rows()) * ffn.d_model;
  return static_cast<std::uint64_t>(weights.rows()) * ffn_bytes +
         static_cast<std::uint64_t>(others) * sizeof(float);
}

std::vector<ExpertKind> expert_kinds(const BankOptions& options) {
  std::vector<ExpertKind> kinds;
  const auto add = [&kinds](Index count, ExpertKind kind) {
    kinds.insert(kinds.end(), static_cast<std::size_t>(count), kind);
  };
  add(options.num_experts, ExpertKind::ffn);
  add(options.constant_experts, ExpertKind::constant);
  add(options.copy_experts, ExpertKind::copy);
  add(options.zero_experts, ExpertKind::zero);
  return kinds;
}

ExpertBank make_bank(const BankOptions& options, const Executor& executor, const Context& context) {
  ExpertBank bank;
  bank.ffn = options.ffn();
  bank.layout = executor.layout();
  bank.weight_type = executor.weight_type();
  bank.kind = expert_kinds(options);
  const std::uint64_t bytes = executor.expert_bytes(bank.ffn);
  bank.weights.resize(options.num_experts, static_cast<Index>((bytes + sizeof(float) - 1) / sizeof(float)));
  const Index blocks = (options.width + kUnitsPerBlock - 1) / kUnitsPerBlock;
  context.for_each_block(options.num_experts, [&](Index e) {
    const std::span<float> expert = bank.weights.row(e);
    std::fill(expert.begin(), expert.end(), 0.0F);
  });
  context.for_each_block(options.num_experts * blocks, [&](Index i) {
    const Index expert = i / blocks;
    const Index first = i % blocks * kUnitsPerBlock;
    const FfnWeights units =
        make_units(options, {expert, first, std::min(kUnitsPerBlock, options.width - first)});
    executor.pack(bank.ffn, {first, units.up.view(), units.gate_proj.view(), units.down.view()},
                  reinterpret_cast<std::byte*>(bank.weights.row(expert).data()));
  });
  const RandomKey key = key_of(options);
  const auto fill = [&](Matrix& matrix, Index rows, std::uint64_t place, float deviation) {
    matrix.resize(rows, options.d_model);
    fill_matrix({key, place << 60, deviation}, matrix, context);
  };
  fill(bank.constant, options.constant_experts, 3, 1.0F);
  fill(bank.constant_gate, 2 * options.constant_experts, 4, unit_deviation(options.d_model));
  return bank;
}

FfnWeights make_ffn_weights(const BankOptions& options, Index expert) {
  return make_units(options, {expert, 0, options.width});
}

}  // namespace moesim
