// The gate's product, by row tiles of a fixed height.
//
// With Eigen the bits of one row of a product depend on how many rows are multiplied together and on how the
// columns are cut. So every product here has exactly kTileRows rows (the last tile of a batch is filled up
// with zeros) and all E columns at once: a row's logits depend on the row and the gate alone.

#include "router/gate.h"

#include <Eigen/Core>
#include <cmath>
#include <cstring>

#include "core/error.h"

namespace moesim {
namespace {

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr Index kTileRows = 32;
constexpr float kBiasDeviation = 0.02F;

// hidden [kTileRows,D], logits [kTileRows,E].
void run_tile(const Gate& gate, MatrixView hidden, MutableMatrixView logits) {
  const Eigen::Map<const RowMajor> x(hidden.data, hidden.rows, hidden.cols);
  const Eigen::Map<const RowMajor> w(gate.weight.data(), gate.weight.rows(), gate.weight.cols());
  Eigen::Map<RowMajor> z(logits.data, logits.rows, logits.cols);
  z.noalias() = x * w.transpose();
  if (!gate.bias.empty()) {
    z.rowwise() += Eigen::Map<const Eigen::RowVectorXf>(gate.bias.data(), z.cols());
  }
}

void run_last_tile(const Gate& gate, MatrixView hidden, MutableMatrixView logits) {
  Matrix x(kTileRows, hidden.cols);
  Matrix z(kTileRows, logits.cols);
  x.fill(0.0F);
  std::memcpy(x.data(), hidden.data, static_cast<std::size_t>(hidden.rows * hidden.cols) * sizeof(float));
  run_tile(gate, x.view(), z.view());
  std::memcpy(logits.data, z.data(), static_cast<std::size_t>(logits.rows * logits.cols) * sizeof(float));
}

}  // namespace

Gate make_gate(std::uint64_t seed, std::uint32_t layer, Index num_experts, Index d_model, bool with_bias) {
  Gate gate;
  gate.weight.resize(num_experts, d_model);
  const RandomKey key{.seed = seed, .stream = Stream::gate_weight, .layer = layer};
  const float deviation = 1.0F / std::sqrt(static_cast<float>(d_model));
  for (Index e = 0; e < num_experts; ++e) {
    fill_normal(key, static_cast<std::uint64_t>(e), deviation, gate.weight.row(e));
  }
  if (with_bias) {
    gate.bias.resize(static_cast<std::size_t>(num_experts));
    fill_normal({.seed = seed, .stream = Stream::gate_bias, .layer = layer}, 0, kBiasDeviation, gate.bias);
  }
  return gate;
}

void gate_logits(const Gate& gate, MatrixView hidden, MutableMatrixView logits, const Context& context) {
  MOESIM_CHECK(
      hidden.rows == logits.rows && hidden.cols == gate.weight.cols() && logits.cols == gate.weight.rows(),
      "the gate's shapes do not fit");
  context.for_each_block((hidden.rows + kTileRows - 1) / kTileRows, [&](Index tile) {
    const Index first = tile * kTileRows;
    const Index count = std::min(kTileRows, hidden.rows - first);
    const auto run = count == kTileRows ? run_tile : run_last_tile;
    run(gate, hidden.block(first, count), logits.block(first, count));
  });
}

}  // namespace moesim
