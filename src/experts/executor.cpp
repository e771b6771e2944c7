#include "experts/executor.h"

#include "core/error.h"
#include "experts/zero_computation.h"

namespace moesim {
namespace {

void check_rows(const Executor& executor, const ExpertRows& rows) {
  const auto count = static_cast<std::size_t>(rows.num_rows());
  const Index width = rows.bank.ffn.d_model;
  MOESIM_CHECK(static_cast<Index>(rows.expert_begin.size()) == rows.bank.num_experts() + 1,
               "a plan for other experts");
  MOESIM_CHECK(rows.in.token.empty() ? rows.in.from.rows >= rows.num_rows() : rows.in.token.size() == count,
               "rows that do not match the plan");
  MOESIM_CHECK(rows.out.rows == rows.num_rows() &&
                   (rows.in.weight.empty() || rows.in.weight.size() == count) &&
                   (rows.out_weight.empty() || rows.out_weight.size() == count),
               "rows that do not match the plan");
  MOESIM_CHECK(rows.in.from.cols == width && rows.out.cols == width,
               "rows of another width than the experts");
  MOESIM_CHECK(rows.is_part || rows.bank.weights.rows() == 0 || rows.bank.layout == executor.layout(),
               "a bank in another layout");
}

}  // namespace

void Executor::gather(const ExpertRows& rows, ExecutorScratch& scratch, const Context& context) const {
  check_rows(*this, rows);
  gather_ffn(rows, scratch, context);
}

void Executor::run(const ExpertRows& rows, ExecutorScratch& scratch, const Context& context) const {
  check_rows(*this, rows);
  run_ffn(rows, scratch, context);
  run_zero_computation(rows, context);
}

}  // namespace moesim
