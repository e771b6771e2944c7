// Copies token rows into expert order, in fixed blocks of rows.

#include "dispatch/gather.h"

#include <algorithm>

#include "core/error.h"

namespace moesim {
namespace {

constexpr Index kRowsPerBlock = 64;

void gather_row(const DispatchPlan& plan, Index r, std::span<const float> from, std::span<float> to) {
  if (plan.weight_on == WeightOn::output) {
    std::copy(from.begin(), from.end(), to.begin());
    return;
  }
  const float weight = plan.row_weight[static_cast<std::size_t>(r)];
  std::transform(from.begin(), from.end(), to.begin(), [weight](float x) { return weight * x; });
}

}  // namespace

void gather_rows(const DispatchPlan& plan, MatrixView hidden, MutableMatrixView rows,
                 const Context& context) {
  MOESIM_CHECK(hidden.rows == plan.num_tokens() && rows.rows == plan.num_rows() && rows.cols == hidden.cols,
               "rows that do not match the plan");
  context.for_each_block((rows.rows + kRowsPerBlock - 1) / kRowsPerBlock, [&](Index block) {
    const Index first = block * kRowsPerBlock;
    for (Index r = first; r < std::min(rows.rows, first + kRowsPerBlock); ++r) {
      gather_row(plan, r, hidden.row(plan.row_token[static_cast<std::size_t>(r)]), rows.row(r));
    }
  });
}

}  // namespace moesim
