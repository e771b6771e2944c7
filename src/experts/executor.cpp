#include "experts/executor.h"

#include <cstring>

#include "core/error.h"

namespace moesim {
namespace {

constexpr Index kRowsPerBlock = 64;

void fill_row(const ExpertRows& rows, Index expert, Index row) {
  const std::size_t bytes = static_cast<std::size_t>(rows.out.cols) * sizeof(float);
  float* out = rows.out.row(row).data();
  switch (rows.bank.kind[static_cast<std::size_t>(expert)]) {
    case ExpertKind::ffn:
      return;
    case ExpertKind::zero:
      std::memset(out, 0, bytes);
      return;
    case ExpertKind::copy:
      std::memcpy(out, rows.in.row(row).data(), bytes);
      return;
    case ExpertKind::constant:
      std::memcpy(out, rows.bank.constant.row(expert).data(), bytes);
      return;
  }
}

void fill_kinds_without_product(const ExpertRows& rows, const Context& context) {
  for (Index e = 0; e < rows.bank.num_experts(); ++e) {
    if (rows.bank.kind[static_cast<std::size_t>(e)] == ExpertKind::ffn) {
      continue;
    }
    const Index begin = rows.expert_begin[static_cast<std::size_t>(e)];
    const Index end = rows.expert_begin[static_cast<std::size_t>(e) + 1];
    context.for_each_block((end - begin + kRowsPerBlock - 1) / kRowsPerBlock, [&](Index block) {
      const Index first = begin + block * kRowsPerBlock;
      for (Index r = first; r < std::min(end, first + kRowsPerBlock); ++r) {
        fill_row(rows, e, r);
      }
    });
  }
}

}  // namespace

void Executor::run(const ExpertRows& rows, const Context& context) const {
  const Index experts = rows.bank.num_experts();
  MOESIM_CHECK(static_cast<Index>(rows.expert_begin.size()) == experts + 1, "a plan for other experts");
  MOESIM_CHECK(rows.in.rows == rows.expert_begin.back() && rows.out.rows == rows.in.rows,
               "rows that do not match the plan");
  MOESIM_CHECK(rows.in.cols == rows.bank.d_model && rows.out.cols == rows.bank.d_model,
               "rows of another width than the experts");
  run_ffn(rows, context);
  fill_kinds_without_product(rows, context);
}

}  // namespace moesim
