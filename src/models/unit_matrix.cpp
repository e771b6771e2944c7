#include "models/unit_matrix.h"

#include <algorithm>

#include "core/error.h"

namespace moesim {
namespace {

// Where unit f of a part lies along the axis of the units.
Index place_of(const UnitMatrix& matrix, Index f) {
  switch (matrix.parts) {
    case Parts::one:
      return f;
    case Parts::halves:
      return matrix.part * matrix.units + f;
    case Parts::pairs:
      return 2 * f + matrix.part;
  }
  throw_internal(__FILE__, __LINE__, "unknown parts");
}

}  // namespace

void read_units(const TensorFolder& folder, const UnitMatrix& matrix, Index first, MutableMatrixView out) {
  MOESIM_CHECK(out.cols == matrix.width && first + out.rows <= matrix.units, "units outside their matrix");
  if (out.rows == 0) {
    return;
  }
  const Index step = matrix.parts == Parts::pairs ? 2 : 1;
  const Index begin = matrix.parts == Parts::pairs ? 2 * first : place_of(matrix, first);
  const Index odd = matrix.parts == Parts::pairs ? matrix.part : 0;
  if (matrix.units_first && step == 1) {
    read_block(folder, matrix.stored, begin, 0, out);
    return;
  }
  Matrix lies;
  if (matrix.units_first) {
    lies.resize(step * out.rows, out.cols);
    read_block(folder, matrix.stored, begin, 0, lies.view());
    for (Index i = 0; i < out.rows; ++i) {
      std::copy(lies.row(step * i + odd).begin(), lies.row(step * i + odd).end(), out.row(i).begin());
    }
    return;
  }
  lies.resize(out.cols, step * out.rows);
  read_block(folder, matrix.stored, 0, begin, lies.view());
  for (Index i = 0; i < out.rows; ++i) {
    for (Index d = 0; d < out.cols; ++d) {
      out.row(i)[static_cast<std::size_t>(d)] = lies.row(d)[static_cast<std::size_t>(step * i + odd)];
    }
  }
}

}  // namespace moesim
