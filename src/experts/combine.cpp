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
    y += ConstRow(rows.row(row).data(), rows.cols);
  }
}

// body(t) for every token, in fixed blocks.
template <class Body>
void for_each_token(Index tokens, const Context& context, const Body& body) {
  context.for_each_block((tokens + kTokensPerBlock - 1) / kTokensPerBlock, [&](Index block) {
    const Index first = block * kTokensPerBlock;
    for (Index t = first; t < std::min(tokens, first + kTokensPerBlock); ++t) {
      body(t);
    }
  });
}

}  // namespace

void combine(const DispatchPlan& plan, MatrixView rows, MatrixView shared, MutableMatrixView y,
             const Context& context) {
  MOESIM_CHECK(y.rows == plan.num_tokens() && rows.rows == plan.num_rows(),
               "outputs that do not match the plan");
  for_each_token(y.rows, context, [&](Index t) {
    MutableRow out(y.row(t).data(), y.cols);
    if (shared.rows > 0) {
      out = ConstRow(shared.row(t).data(), shared.cols);
    } else {
      out.setZero();
    }
    combine_token(plan, rows, t, out);
  });
}

void add_pass_through(const DispatchPlan& plan, MatrixView hidden, MutableMatrixView y,
                      const Context& context) {
  if (plan.pass_through.empty()) {
    return;
  }
  MOESIM_CHECK(y.rows == plan.num_tokens() && hidden.rows == y.rows && hidden.cols == y.cols,
               "rows that do not match the plan");
  for_each_token(y.rows, context, [&](Index t) {
    MutableRow out(y.row(t).data(), y.cols);
    out += plan.pass_through[static_cast<std::size_t>(t)] * ConstRow(hidden.row(t).data(), hidden.cols);
  });
}

}  // namespace moesim
