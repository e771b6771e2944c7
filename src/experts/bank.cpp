#include "experts/bank.h"

#include <cmath>

#include "core/checked.h"
#include "core/error.h"

namespace moesim {
namespace {

constexpr EnumName<Activation> kActivations[] = {{Activation::swiglu, "swiglu"},
                                                 {Activation::geglu, "geglu"},
                                                 {Activation::gelu, "gelu"},
                                                 {Activation::relu, "relu"},
                                                 {Activation::silu, "silu"}};

constexpr Index kRowsPerBlock = 64;

std::uint64_t matrices(Activation activation) {
  return is_gated(activation) ? 3 : 2;
}

// Uniform in [−√3·deviation, √3·deviation], whose deviation is `deviation`.
void fill_uniform(RandomKey key, std::uint64_t row, float deviation, std::span<float> out) {
  const float scale = deviation * std::sqrt(3.0F) / 2147483648.0F;
  for (std::size_t i = 0; i < out.size(); i += 4) {
    const auto bits = random_bits(key, row, static_cast<std::uint32_t>(i / 4));
    for (std::size_t j = 0; j < 4 && i + j < out.size(); ++j) {
      out[i + j] = static_cast<float>(static_cast<std::int32_t>(bits[j])) * scale;
    }
  }
}

struct MatrixFill {
  RandomKey key;
  std::uint64_t first_row;  // keeps the three matrices' numbers apart
  float deviation;
};

void fill_matrix(const MatrixFill& fill, Matrix& matrix, const Context& context) {
  const Index blocks = (matrix.rows() + kRowsPerBlock - 1) / kRowsPerBlock;
  context.for_each_block(blocks, [&](Index block) {
    const Index end = std::min(matrix.rows(), (block + 1) * kRowsPerBlock);
    for (Index r = block * kRowsPerBlock; r < end; ++r) {
      fill_uniform(fill.key, fill.first_row + static_cast<std::uint64_t>(r), fill.deviation, matrix.row(r));
    }
  });
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
  const auto count = static_cast<std::uint64_t>((up.rows() + gate_proj.rows() + down.rows()) * d_model +
                                                constant.rows() * constant.cols());
  return count * bytes_per_weight(weight_type);
}

ExpertBank make_bank(const BankOptions& options, const Context& context) {
  ExpertBank bank;
  bank.d_model = options.d_model;
  bank.width = options.width;
  bank.activation = options.activation;
  bank.kind.assign(static_cast<std::size_t>(options.num_experts), ExpertKind::ffn);
  const Index rows = options.num_experts * options.width;
  const RandomKey key{.seed = options.seed, .stream = options.stream, .layer = options.layer};
  const float into = 1.0F / std::sqrt(static_cast<float>(std::max<Index>(1, options.d_model)));
  const float back = 1.0F / std::sqrt(static_cast<float>(std::max<Index>(1, options.width)));
  bank.up.resize(rows, options.d_model);
  fill_matrix({key, 0, into}, bank.up, context);
  bank.down.resize(rows, options.d_model);
  fill_matrix({key, std::uint64_t{1} << 60, back}, bank.down, context);
  if (is_gated(options.activation)) {
    bank.gate_proj.resize(rows, options.d_model);
    fill_matrix({key, std::uint64_t{2} << 60, into}, bank.gate_proj, context);
  }
  return bank;
}

}  // namespace moesim
