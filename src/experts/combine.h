#pragma once
// Back from expert order to tokens.

#include "core/parallel.h"
#include "dispatch/plan.h"

namespace moesim {

// y[t] = Σ rows[row] over token t's kept assignments, in the router's order, plus shared[t] when `shared` has
// rows. The rows have their weights already (experts/executor.h). Each token gathers its own rows: no
// two tasks write the same place, and the order of summation is fixed. A token with no kept assignment gets 0
// (+ shared).
void combine(const DispatchPlan& plan, MatrixView rows, MatrixView shared, MutableMatrixView y,
             const Context& context);

// y[t] += pass_through[t]·hidden[t] where the router lets a share of the token's own row through; nothing
// where plan.pass_through is empty. hidden [T,D]: the rows that the experts were given.
void add_pass_through(const DispatchPlan& plan, MatrixView hidden, MutableMatrixView y,
                      const Context& context);

}  // namespace moesim
