#include "experts/bank.h"

#include <algorithm>

#include "core/checked.h"
#include "experts/executor.h"
#include "experts/fill.h"

namespace moesim {
namespace {

constexpr EnumName<Activation> kActivations[] = {
    {Activation::swiglu, "swiglu"}, {Activation::geglu, "geglu"}, {Activation::gelu, "gelu"},
    {Activation::relu, "relu"},     {Activation::silu, "silu"},   {Activation::swiglu_oai, "swiglu_oai"}};

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

// Each matrix of the bank is one long [ffn·F,D], its biases one number a row; a range is some rows of all.
class SeededExperts final : public ExpertSource {
 public:
  explicit SeededExperts(const BankOptions& options) : options_(options) {}

  void read_units(const UnitRange& range, FfnWeights& weights) const override {
    const auto first_row = static_cast<std::uint64_t>(range.expert * options_.width + range.first);
    const float into = unit_deviation(options_.d_model);
    const float back = unit_deviation(options_.width);
    fill(0, first_row, into, weights.up.view());
    fill(1, first_row, back, weights.down.view());
    fill(2, first_row, into, weights.gate_proj.view());
    fill(7, first_row, into, column(weights.up_bias));
    fill(8, first_row, into, column(weights.gate_bias));
    fill(9, static_cast<std::uint64_t>(range.expert * options_.d_model), back, column(weights.output_bias));
  }

 private:
  void fill(std::uint64_t place, std::uint64_t first_row, float deviation, MutableMatrixView rows) const {
    fill_rows({key_of(options_), (place << 60) + first_row, deviation}, rows);
  }
  static MutableMatrixView column(std::vector<float>& numbers) {
    return {numbers.data(), static_cast<Index>(numbers.size()), 1};
  }

  const BankOptions& options_;
};

void resize(FfnWeights& weights, const FfnShape& shape, const UnitRange& range) {
  const Index gated = is_gated(shape.activation) ? range.count : 0;
  const auto biases = [&](Index count) { return static_cast<std::size_t>(shape.biases ? count : 0); };
  weights.up.resize(range.count, shape.d_model);
  weights.down.resize(range.count, shape.d_model);
  weights.gate_proj.resize(gated, shape.d_model);
  weights.up_bias.resize(biases(range.count));
  weights.gate_bias.resize(biases(gated));
  weights.output_bias.resize(biases(range.first == 0 ? shape.d_model : 0));
}

}  // namespace

std::span<const EnumName<WeightType>> enum_names(WeightType) {
  return kWeightTypeNames;
}

std::span<const EnumName<Activation>> enum_names(Activation) {
  return kActivations;
}

FfnShape expert_ffn_shape(const LayerShape& shape) {
  return {shape.expert_width(), shape.d_ff, shape.activation, shape.ffn_bias};
}

std::uint64_t ffn_biases(const FfnShape& shape) {
  const char* what = "the biases of an expert";
  return shape.biases ? checked_add(checked_mul(matrices(shape.activation) - 1,
                                                static_cast<std::uint64_t>(shape.width), what),
                                    static_cast<std::uint64_t>(shape.d_model), what)
                      : 0;
}

std::uint64_t ffn_params(const FfnShape& shape) {
  return checked_add(ffn_params(shape.d_model, shape.width, shape.activation), ffn_biases(shape),
                     "the weights of an expert");
}

std::uint64_t ffn_weight_bytes(const FfnShape& shape, WeightType type) {
  const char* what = "the weights of an expert";
  return checked_add(
      checked_mul(ffn_params(shape.d_model, shape.width, shape.activation), bytes_per_weight(type), what),
      checked_mul(ffn_biases(shape), sizeof(float), what), what);
}

std::uint64_t ffn_flops_per_row(const FfnShape& shape) {
  return checked_mul(2, ffn_params(shape), "the work of an expert");
}

std::uint64_t ffn_params(Index d_model, Index width, Activation activation) {
  return checked_product(
      {matrices(activation), static_cast<std::uint64_t>(d_model), static_cast<std::uint64_t>(width)},
      "the weights of an expert");
}

std::uint64_t ffn_flops_per_row(Index d_model, Index width, Activation activation) {
  return ffn_flops_per_row(FfnShape{d_model, width, activation});
}

std::uint64_t ExpertBank::weight_bytes() const {
  const Index others = (constant.rows() + constant_gate.rows()) * ffn.d_model;
  return static_cast<std::uint64_t>(weights.rows()) * ffn_weight_bytes(ffn, weight_type) +
         static_cast<std::uint64_t>(others) * sizeof(float);
}

std::vector<ExpertKind> expert_kinds(const BankShape& shape) {
  std::vector<ExpertKind> kinds;
  const auto add = [&kinds](Index count, ExpertKind kind) {
    kinds.insert(kinds.end(), static_cast<std::size_t>(count), kind);
  };
  add(shape.num_experts, ExpertKind::ffn);
  add(shape.constant_experts, ExpertKind::constant);
  add(shape.copy_experts, ExpertKind::copy);
  add(shape.zero_experts, ExpertKind::zero);
  return kinds;
}

ExpertBank make_bank_of(const BankShape& shape, const ExpertSource& source, const Executor& executor,
                        const Context& context) {
  ExpertBank bank;
  bank.ffn = shape.ffn;
  bank.layout = executor.layout();
  bank.weight_type = executor.weight_type();
  bank.kind = expert_kinds(shape);
  const std::uint64_t bytes = executor.expert_bytes(bank.ffn);
  bank.weights.resize(shape.num_experts, static_cast<Index>((bytes + sizeof(float) - 1) / sizeof(float)));
  bank.constant.resize(shape.constant_experts, shape.ffn.d_model);
  bank.constant_gate.resize(2 * shape.constant_experts, shape.ffn.d_model);
  bank.constant.fill(0.0F);
  bank.constant_gate.fill(0.0F);
  context.for_each_block(shape.num_experts, [&](Index e) {
    const std::span<float> expert = bank.weights.row(e);
    std::fill(expert.begin(), expert.end(), 0.0F);
  });
  const Index width = shape.ffn.width;
  const Index asked = std::clamp<Index>(source.units_at_once(), 1, std::max<Index>(1, width));
  const Index at_once = (asked + kUnitsPerBlock - 1) / kUnitsPerBlock * kUnitsPerBlock;
  const Index blocks = (width + at_once - 1) / at_once;
  context.for_each_block(shape.num_experts * blocks, [&](Index i) {
    const Index first = i % blocks * at_once;
    const UnitRange range{i / blocks, first, std::min(at_once, width - first)};
    FfnWeights units;
    resize(units, bank.ffn, range);
    source.read_units(range, units);
    executor.pack(bank.ffn,
                  {range.first, units.up.view(), units.gate_proj.view(), units.down.view(), units.up_bias,
                   units.gate_bias, units.output_bias},
                  reinterpret_cast<std::byte*>(bank.weights.row(range.expert).data()));
  });
  return bank;
}

ExpertBank make_bank(const BankOptions& options, const Executor& executor, const Context& context) {
  ExpertBank bank = make_bank_of(options.shape(), SeededExperts(options), executor, context);
  const RandomKey key = key_of(options);
  fill_matrix({key, std::uint64_t{3} << 60, 1.0F}, bank.constant, context);
  fill_matrix({key, std::uint64_t{4} << 60, unit_deviation(options.d_model)}, bank.constant_gate, context);
  return bank;
}

FfnWeights make_ffn_weights(const BankOptions& options, Index expert) {
  const UnitRange all{expert, 0, options.width};
  FfnWeights weights;
  resize(weights, options.ffn(), all);
  SeededExperts(options).read_units(all, weights);
  return weights;
}

}  // namespace moesim
