#include "experts/shared.h"

#include <algorithm>
#include <limits>

#include "core/checked.h"
#include "core/error.h"
#include "experts/fill.h"
#include "experts/row_math.h"

namespace moesim {
namespace {

constexpr EnumName<SharedKind> kSharedKinds[] = {
    {SharedKind::plain, "plain"}, {SharedKind::gated, "gated"}, {SharedKind::residual_mix, "residual_mix"}};

constexpr Index kTokensPerBlock = 64;
constexpr float kBiasDeviation = 0.02F;

// Rows of the gate of a kind.
Index gate_rows(SharedKind kind) {
  switch (kind) {
    case SharedKind::plain:
      return 0;
    case SharedKind::gated:
      return 1;
    case SharedKind::residual_mix:
      return 2;
  }
  throw_internal(__FILE__, __LINE__, "an unknown kind of shared experts");
}

// What R and S of a token are multiplied by.
TwoWeights weights_of(const SharedExperts& shared, std::span<const float> x) {
  switch (shared.kind) {
    case SharedKind::plain:
      return {1.0F, 1.0F};
    case SharedKind::gated:
      return {1.0F, static_cast<float>(sigmoid(dot(shared.gate.row(0), x)))};
    case SharedKind::residual_mix:
      return softmax_of_two(dot(shared.gate.row(0), x) + shared.gate_bias[0],
                            dot(shared.gate.row(1), x) + shared.gate_bias[1]);
  }
  throw_internal(__FILE__, __LINE__, "an unknown kind of shared experts");
}

}  // namespace

std::span<const EnumName<SharedKind>> enum_names(SharedKind) {
  return kSharedKinds;
}

Index shared_ffn_width(const LayerShape& shape) {
  const std::uint64_t width = shape.shared_width > 0
                                  ? static_cast<std::uint64_t>(shape.shared_width)
                                  : checked_mul(static_cast<std::uint64_t>(shape.num_shared_experts),
                                                static_cast<std::uint64_t>(shape.d_ff), "the shared experts");
  return static_cast<Index>(std::min<std::uint64_t>(width, std::numeric_limits<Index>::max()));
}

FfnShape shared_ffn_shape(const LayerShape& shape) {
  return {shape.d_model, shared_ffn_width(shape), shape.activation, shape.ffn_bias};
}

std::uint64_t shared_params(const LayerShape& shape) {
  if (!shape.has_shared()) {
    return 0;
  }
  const auto rows = static_cast<std::uint64_t>(gate_rows(shape.shared_kind));
  const std::uint64_t gate =
      checked_add(checked_mul(rows, static_cast<std::uint64_t>(shape.d_model), "the shared experts' gate"),
                  shape.shared_kind == SharedKind::residual_mix ? rows : 0, "the shared experts' gate");
  return checked_add(ffn_params(shared_ffn_shape(shape)), gate, "the shared experts");
}

BankOptions shared_bank_options(const SharedOptions& options) {
  return {.seed = options.seed,
          .stream = Stream::shared_weight,
          .layer = options.layer,
          .num_experts = 1,
          .d_model = options.shape.d_model,
          .width = shared_ffn_width(options.shape),
          .activation = options.shape.activation,
          .biases = options.shape.ffn_bias};
}

SharedExperts make_shared_experts_of(GivenShared given, const Executor& executor, const Context& context) {
  MOESIM_CHECK(given.gate.rows() == gate_rows(given.kind) &&
                   (given.gate.rows() == 0 || given.gate.cols() == given.ffn.d_model),
               "a gate of another shape than the shared experts");
  MOESIM_CHECK(given.gate_bias.size() == (given.kind == SharedKind::residual_mix ? 2U : 0U),
               "a gate bias that the shared experts do not have");
  return {make_bank_of({.ffn = given.ffn, .num_experts = 1}, given.source, executor, context), given.kind,
          std::move(given.gate), std::move(given.gate_bias)};
}

SharedExperts make_shared_experts(const SharedOptions& options, const Context& context) {
  SharedExperts shared;
  const LayerShape& shape = options.shape;
  if (!shape.has_shared()) {
    return shared;
  }
  shared.kind = shape.shared_kind;
  shared.ffn = make_bank(shared_bank_options(options), options.executor, context);
  const RandomKey key{.seed = options.seed, .stream = Stream::shared_weight, .layer = options.layer};
  shared.gate.resize(gate_rows(shape.shared_kind), shape.d_model);
  fill_matrix({key, std::uint64_t{5} << 60, unit_deviation(shape.d_model)}, shared.gate, context);
  if (shape.shared_kind == SharedKind::residual_mix) {
    shared.gate_bias.resize(2);
    fill_normal(key, std::uint64_t{6} << 60, kBiasDeviation, shared.gate_bias);
  }
  return shared;
}

void add_shared(const SharedExperts& shared, const SharedRows& rows, const Context& context) {
  const MutableMatrixView y = rows.y;
  MOESIM_CHECK(rows.x.rows == y.rows && rows.outputs.rows == y.rows && rows.outputs.cols == y.cols,
               "shared outputs that do not match the tokens");
  context.for_each_block((y.rows + kTokensPerBlock - 1) / kTokensPerBlock, [&](Index block) {
    const Index first = block * kTokensPerBlock;
    for (Index t = first; t < std::min(y.rows, first + kTokensPerBlock); ++t) {
      const TwoWeights weights = weights_of(shared, rows.x.row(t));
      const std::span<const float> from = rows.outputs.row(t);
      const std::span<float> to = y.row(t);
      for (std::size_t i = 0; i < to.size(); ++i) {
        to[i] = weights.first * to[i] + weights.second * from[i];
      }
    }
  });
}

}  // namespace moesim
