#include "router/kernels/choose.h"

#include "core/instruction_set.h"

namespace moesim {

std::vector<const RowKernels*> usable_row_kernels() {
  return usable_kernels(row_kernels_avx512(), row_kernels_avx2(), row_kernels_portable());
}

const RowKernels& row_kernels() {
  static const RowKernels& best = *usable_row_kernels().front();
  return best;
}

}  // namespace moesim
