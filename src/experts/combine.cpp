#include "experts/combine.h"

#include <Eigen/Core>
#include <algorithm>

#include "core/error.h"

namespace moesim {
namespace {

constexpr Index kTokensPerBlock = 64;

using ConstRow = Eigen::Map<const Eigen::ArrayXf>;
using MutableRow = Eigen::Map<Eigen::ArrayXf>;

void combine_token(const DispatchPlan& plan, MatrixView rows, Index token, MutableRow y) {
  const auto t = static_cast<std::size_t>(token);
  for (Index a = plan.token_begin[t]; a < plan.token_begin[t + 1]; ++a) {
    const Index row = plan.assignment_row[static_cast<std::size_t>(a)];
    if (row < 0) {
      continue;
    }
    const float weight =
        plan.weight_on == WeightOn::output ? plan.row_weight[static_cast<std::size_t>(row)] : 1.0F;
    y += weight * ConstRow(rows.row(row).data(), rows.cols);
  }
}

}  // namespace

void combine(const DispatchPlan& plan, MatrixView rows, MatrixView shared, MutableMatrixView y,
             const Context& context) {
  const Index tokens = plan.num_tokens();
  MOESIM_CHECK(y.rows == tokens && rows.rows == plan.num_rows(), "outputs that do not match the plan");
  context.for_each_block((tokens + kTokensPerBlock - 1) / kTokensPerBlock, [&](Index block) {
    const Index first = block * kTokensPerBlock;
    for (Index t = first; t < std::min(tokens, first + kTokensPerBlock); ++t) {
      MutableRow out(y.row(t).data(), y.cols);
      if (shared.rows > 0) {
        out = ConstRow(shared.row(t).data(), shared.cols);
      } else {
        out.setZero();
      }
      combine_token(plan, rows, t, out);
    }
  });
}

}  // namespace moesim
