#include "experts/executor.h"

#include "core/error.h"
#include "experts/zero_computation.h"

namespace moesim {
void Executor::run(const ExpertRows& rows, const Context& context) const {
  const Index experts = rows.bank.num_experts();
  MOESIM_CHECK(static_cast<Index>(rows.expert_begin.size()) == experts + 1, "a plan for other experts");
  MOESIM_CHECK(rows.in.rows == rows.expert_begin.back() && rows.out.rows == rows.in.rows,
               "rows that do not match the plan");
  MOESIM_CHECK(rows.in.cols == rows.bank.d_model && rows.out.cols == rows.bank.d_model,
               "rows of another width than the experts");
  run_ffn(rows, context);
  run_zero_computation(rows, context);
}

}  // namespace moesim
