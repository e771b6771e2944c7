#pragma once
// Private to this room: seeded weights.

#include "core/matrix.h"
#include "core/parallel.h"
#include "core/random.h"

namespace moesim {

// Which numbers of a stream a matrix gets. The matrices that share a stream begin at rows far apart, so that
// none shifts the numbers of another.
struct MatrixFill {
  RandomKey key;
  std::uint64_t first_row = 0;
  float deviation = 1;
};

// Uniform in [−√3·deviation, √3·deviation], a function of `fill` and the place alone; fill_matrix in
// parallel.
void fill_rows(const MatrixFill& fill, MutableMatrixView rows);
void fill_matrix(const MatrixFill& fill, Matrix& matrix, const Context& context);

// 1/√n, the deviation that keeps a sum of n products of unit size at unit size.
float unit_deviation(Index n);

}  // namespace moesim
