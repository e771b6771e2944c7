// Every product has exactly kTileRows rows (the last tile is filled up with zeros) and all columns at once,
// because the bits of one row of Eigen's product depend on how many rows are multiplied together.

#include "experts/project.h"

#include <Eigen/Core>
#include <algorithm>
#include <cstring>

#include "core/error.h"

namespace moesim {
namespace {

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using ConstMap = Eigen::Map<const RowMajor>;

constexpr Index kTileRows = 32;

void run_tile(const Matrix& weight, MatrixView in, MutableMatrixView out) {
  const ConstMap w(weight.data(), weight.rows(), weight.cols());
  Eigen::Map<RowMajor>(out.data, out.rows, out.cols).noalias() =
      ConstMap(in.data, in.rows, in.cols) * w.transpose();
}

void run_last_tile(const Matrix& weight, MatrixView in, MutableMatrixView out) {
  Matrix x(kTileRows, in.cols);
  Matrix y(kTileRows, out.cols);
  x.fill(0.0F);
  std::memcpy(x.data(), in.data, static_cast<std::size_t>(in.rows * in.cols) * sizeof(float));
  run_tile(weight, x.view(), y.view());
  std::memcpy(out.data, y.data(), static_cast<std::size_t>(out.rows * out.cols) * sizeof(float));
}

}  // namespace

void project_rows(const Matrix& weight, MatrixView in, MutableMatrixView out, const Context& context) {
  MOESIM_CHECK(in.rows == out.rows && in.cols == weight.cols() && out.cols == weight.rows(),
               "the shapes of a projection do not fit");
  context.for_each_block((in.rows + kTileRows - 1) / kTileRows, [&](Index tile) {
    const Index first = tile * kTileRows;
    const Index count = std::min(kTileRows, in.rows - first);
    const auto run = count == kTileRows ? run_tile : run_last_tile;
    run(weight, in.block(first, count), out.block(first, count));
  });
}

}  // namespace moesim
