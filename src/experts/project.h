#pragma once
// A linear map of rows.

#include "core/matrix.h"
#include "core/parallel.h"

namespace moesim {

// out[R,N] = in[R,M]·weightᵀ with weight [N,M], by fixed tiles of rows: a row's bits do not depend on the
// rows beside it, nor on the number of threads. `in` and `out` must not overlap.
void project_rows(const Matrix& weight, MatrixView in, MutableMatrixView out, const Context& context);

}  // namespace moesim
