#include "experts/bank.h"

#include "core/checked.h"
#include "experts/fill.h"

namespace moesim {
namespace {

constexpr EnumName<Activation> kActivations[] = {{Activation::swiglu, "swiglu"},
                                                 {Activation::geglu, "geglu"},
                                                 {Activation::gelu, "gelu"},
                                                 {Activation::relu, "relu"},
                                                 {Activation::silu, "silu"}};

std::uint64_t matrices(Activation activation) {
  return is_gated(activation) ? 3 : 2;
}

}  // namespace

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
  const Index rows = up.rows() + gate_proj.rows() + down.rows() + constant.rows() + constant_gate.rows();
  return static_cast<std::uint64_t>(rows * d_model) * bytes_per_weight(weight_type);
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

ExpertBank make_bank(const BankOptions& options, const Context& context) {
  ExpertBank bank;
  bank.d_model = options.d_model;
  bank.width = options.width;
  bank.activation = options.activation;
  bank.kind = expert_kinds(options);
  const Index rows = options.num_experts * options.width;
  const RandomKey key{.seed = options.seed, .stream = options.stream, .layer = options.layer};
  const auto fill = [&](Matrix& matrix, Index count, std::uint64_t place, float deviation) {
    matrix.resize(count, options.d_model);
    fill_matrix({key, place << 60, deviation}, matrix, context);
  };
  const float into = unit_deviation(options.d_model);
  fill(bank.up, rows, 0, into);
  fill(bank.down, rows, 1, unit_deviation(options.width));
  if (is_gated(options.activation)) {
    fill(bank.gate_proj, rows, 2, into);
  }
  fill(bank.constant, options.constant_experts, 3, 1.0F);
  fill(bank.constant_gate, 2 * options.constant_experts, 4, into);
  return bank;
}

}  // namespace moesim
