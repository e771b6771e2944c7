// The gate's product, by row tiles of a fixed height.
//
// With Eigen the bits of one row of a product depend on how many rows are multiplied together and on how the
// columns are cut. So every product here has exactly kTileRows rows (the last tile of a batch is filled up
// with zeros) and all columns at once: a row's logits depend on the row and the gate alone.

#include "router/gate.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.h"

namespace moesim {
namespace {

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr Index kTileRows = kGateTileRows;
constexpr float kBiasDeviation = 0.02F;
constexpr double kRmsEpsilon = 1e-6;       // as the layers' own norm
constexpr double kShortestVector = 1e-12;  // torch.nn.functional.normalize
constexpr float kLeastDeviation = 0.01F;

constexpr EnumName<InputTransform> kTransforms[] = {
    {InputTransform::none, "none"}, {InputTransform::rms_norm, "rms_norm"}, {InputTransform::l2, "l2"}};
constexpr EnumName<Logit> kLogits[] = {{Logit::linear, "linear"},
                                       {Logit::linear_bias, "linear_bias"},
                                       {Logit::cosine, "cosine"},
                                       {Logit::mlp_tanh, "mlp_tanh"}};

double sum_of_squares(std::span<const float> row) {
  double sum = 0.0;
  for (const float v : row) {
    sum += static_cast<double>(v) * v;
  }
  return sum;
}

double length_of(std::span<const float> row) {
  return std::max(std::sqrt(sum_of_squares(row)), kShortestVector);
}

void scale_row(std::span<float> row, double scale) {
  for (float& v : row) {
    v = static_cast<float>(v * scale);
  }
}

void jitter_row(const GateInput& input, double eps, std::uint64_t token, std::span<float> row) {
  RandomSequence sequence({.seed = input.seed, .stream = Stream::router_jitter, .layer = input.layer}, token);
  for (float& v : row) {
    v = static_cast<float>(v * (1.0 - eps + 2.0 * eps * sequence.next_uniform()));
  }
}

void transform_row(InputTransform transform, std::span<float> row) {
  switch (transform) {
    case InputTransform::none:
      return;
    case InputTransform::rms_norm:
      scale_row(row, 1.0 / std::sqrt(sum_of_squares(row) / static_cast<double>(row.size()) + kRmsEpsilon));
      return;
    case InputTransform::l2:
      scale_row(row, 1.0 / length_of(row));
      return;
  }
}

// out = in · weightᵀ, all of kTileRows rows.
void multiply(MatrixView in, const Matrix& weight, MutableMatrixView out) {
  const Eigen::Map<const RowMajor> x(in.data, in.rows, in.cols);
  const Eigen::Map<const RowMajor> w(weight.data(), weight.rows(), weight.cols());
  Eigen::Map<RowMajor>(out.data, out.rows, out.cols).noalias() = x * w.transpose();
}

void finish_cosines(const Gate& gate, MatrixView in, MutableMatrixView out) {
  for (Index r = 0; r < out.rows; ++r) {
    const double scale = gate.rule.logit_scale / length_of(in.row(r));
    const std::span<float> row = out.row(r);
    for (std::size_t e = 0; e < row.size(); ++e) {
      row[e] = static_cast<float>(row[e] * scale / gate.weight_norm[e]);
    }
  }
}

// out [kTileRows,E] = the logits of x [kTileRows,D].
void make_logits(const Gate& gate, MatrixView x, MutableMatrixView out) {
  Matrix projected;
  if (gate.projection.rows() > 0) {
    projected.resize(kTileRows, gate.projection.rows());
    multiply(x, gate.projection, projected.view());
    x = projected.view();
  }
  if (gate.rule.logit == Logit::mlp_tanh) {
    float* hidden = projected.data();
    std::transform(hidden, hidden + projected.rows() * projected.cols(), hidden,
                   [](float v) { return std::tanh(v); });
  }
  multiply(x, gate.weight, out);
  if (!gate.bias.empty()) {
    Eigen::Map<RowMajor>(out.data, out.rows, out.cols).rowwise() +=
        Eigen::Map<const Eigen::RowVectorXf>(gate.bias.data(), out.cols);
  }
  if (gate.rule.logit == Logit::cosine) {
    finish_cosines(gate, x, out);
  }
}

float noise_deviation(float z) {
  return std::max(z, 0.0F) + std::log1p(std::exp(-std::abs(z))) + kLeastDeviation;
}

// out [kTileRows,E] = the deviations of the noise of x.
void make_deviations(const Gate& gate, MatrixView x, MutableMatrixView out) {
  multiply(x, gate.noise_weight, out);
  std::transform(out.data, out.data + out.rows * out.cols, out.data, noise_deviation);
}

bool changes_rows(const GateRule& rule) {
  return rule.input_transform != InputTransform::none || rule.jitter_eps > 0.0;
}

// Rows [first, first + count) of the batch, transformed, then zeros.
Matrix prepared_rows(const Gate& gate, const GateInput& input, Index first, Index count) {
  Matrix x(kTileRows, input.hidden.cols);
  x.fill(0.0F);
  std::memcpy(x.data(), input.hidden.row(first).data(),
              static_cast<std::size_t>(count * input.hidden.cols) * sizeof(float));
  for (Index r = 0; r < count; ++r) {
    if (gate.rule.jitter_eps > 0.0) {
      jitter_row(input, gate.rule.jitter_eps, input.first_token + static_cast<std::uint64_t>(first + r),
                 x.row(r));
    }
    transform_row(gate.rule.input_transform, x.row(r));
  }
  return x;
}

// A product of kTileRows rows into the `count` rows of `out`.
template <class Product>
void run_product(const Gate& gate, MatrixView x, MutableMatrixView out, const Product& product) {
  if (out.rows == kTileRows) {
    product(gate, x, out);
    return;
  }
  Matrix all(kTileRows, out.cols);
  product(gate, x, all.view());
  std::memcpy(out.data, all.data(), static_cast<std::size_t>(out.rows * out.cols) * sizeof(float));
}

void run_tile(const Gate& gate, const GateInput& input, const GateOutput& output, Index first, Index count) {
  Matrix prepared;
  MatrixView x = input.hidden.block(first, count);
  if (count < kTileRows || changes_rows(gate.rule)) {
    prepared = prepared_rows(gate, input, first, count);
    x = prepared.view();
  }
  run_product(gate, x, output.logits.block(first, count), make_logits);
  if (gate.rule.learned_noise) {
    run_product(gate, x, output.noise_deviation.block(first, count), make_deviations);
  }
}

void fill_rows(Matrix& matrix, RandomKey key) {
  const float deviation = 1.0F / std::sqrt(static_cast<float>(matrix.cols()));
  for (Index r = 0; r < matrix.rows(); ++r) {
    fill_normal(key, static_cast<std::uint64_t>(r), deviation, matrix.row(r));
  }
}

// Everything but the weight.
void add_rest(Gate& gate, Index d_model, std::uint64_t seed, std::uint32_t layer) {
  const GateRule& rule = gate.rule;
  const Index num_logits = gate.weight.rows();
  if (const Index rows = projection_rows(rule, {num_logits, d_model}); rows > 0) {
    gate.projection.resize(rows, d_model);
    fill_rows(gate.projection, {.seed = seed, .stream = Stream::gate_projection, .layer = layer});
  }
  if (rule.learned_noise) {
    gate.noise_weight.resize(num_logits, d_model);
    fill_rows(gate.noise_weight, {.seed = seed, .stream = Stream::gate_noise, .layer = layer});
  }
  if (rule.logit == Logit::linear_bias) {
    gate.bias.resize(static_cast<std::size_t>(num_logits));
    fill_normal({.seed = seed, .stream = Stream::gate_bias, .layer = layer}, 0, kBiasDeviation, gate.bias);
  }
  for (Index e = 0; e < num_logits && rule.logit == Logit::cosine; ++e) {
    gate.weight_norm.push_back(static_cast<float>(length_of(gate.weight.row(e))));
  }
}

}  // namespace

std::span<const EnumName<InputTransform>> enum_names(InputTransform) {
  return kTransforms;
}

std::span<const EnumName<Logit>> enum_names(Logit) {
  return kLogits;
}

Index projection_rows(const GateRule& rule, const GateShape& shape) {
  constexpr Index kMlpWidening = 8;
  switch (rule.logit) {
    case Logit::linear:
    case Logit::linear_bias:
      return 0;
    case Logit::cosine:
      return rule.gate_dim;
    case Logit::mlp_tanh:
      return rule.gate_dim > 0 ? rule.gate_dim : kMlpWidening * shape.num_logits;
  }
  throw_internal(__FILE__, __LINE__, "an unknown logit");
}

Index gate_width(const GateRule& rule, const GateShape& shape) {
  const Index projected = projection_rows(rule, shape);
  return projected > 0 ? projected : shape.d_model;
}

std::uint64_t Gate::num_params() const {
  const auto size = [](const Matrix& m) { return static_cast<std::uint64_t>(m.rows() * m.cols()); };
  return size(weight) + size(projection) + size(noise_weight) + bias.size();
}

Gate make_gate(std::uint64_t seed, std::uint32_t layer, Index num_logits, Index d_model,
               const GateRule& rule) {
  Gate gate;
  gate.rule = rule;
  gate.weight.resize(num_logits, gate_width(rule, {num_logits, d_model}));
  fill_rows(gate.weight, {.seed = seed, .stream = Stream::gate_weight, .layer = layer});
  add_rest(gate, d_model, seed, layer);
  return gate;
}

Gate make_gate_of(Matrix weight, std::uint64_t seed, Index d_model, const GateRule& rule) {
  Gate gate;
  gate.rule = rule;
  gate.weight = std::move(weight);
  MOESIM_CHECK(gate.weight.cols() == gate_width(rule, {gate.weight.rows(), d_model}),
               "a gate's weights do not fit its rule");
  add_rest(gate, d_model, seed, 0);
  return gate;
}

void gate_logits(const Gate& gate, const GateInput& input, const GateOutput& output, const Context& context) {
  const MatrixView hidden = input.hidden;
  const Index width = gate.projection.rows() > 0 ? gate.projection.cols() : gate.weight.cols();
  MOESIM_CHECK(
      hidden.rows == output.logits.rows && hidden.cols == width && output.logits.cols == gate.weight.rows(),
      "the gate's shapes do not fit");
  MOESIM_CHECK(!gate.rule.learned_noise || (output.noise_deviation.rows == hidden.rows &&
                                            output.noise_deviation.cols == output.logits.cols),
               "the gate's noise has no room");
  context.for_each_block((hidden.rows + kTileRows - 1) / kTileRows, [&](Index tile) {
    const Index first = tile * kTileRows;
    run_tile(gate, input, output, first, std::min(kTileRows, hidden.rows - first));
  });
}

}  // namespace moesim
