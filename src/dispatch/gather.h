#pragma once
// Dispatch proper: token rows into expert order.

#include "core/parallel.h"
#include "dispatch/plan.h"

namespace moesim {

// rows[r] = hidden[row_token[r]], times row_weight[r] when the weight is on the input. rows is [R,D].
void gather_rows(const DispatchPlan& plan, MatrixView hidden, MutableMatrixView rows, const Context& context);

}  // namespace moesim
