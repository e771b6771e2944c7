#include "router/kernels/choose.h"

#include "core/instruction_set.h"

namespace moesim {

std::vector<const RowKernels*> usable_row_kernels() {
  std::vector<const RowKernels*> usable;
  if (has_avx512() && row_kernels_avx512() != nullptr) {
    usable.push_back(row_kernels_avx512());
  }
  if (has_avx2() && row_kernels_avx2() != nullptr) {
    usable.push_back(row_kernels_avx2());
  }
  usable.push_back(row_kernels_portable());
  return usable;
}

const RowKernels& row_kernels() {
  static const RowKernels& best = *usable_row_kernels().front();
  return best;
}

}  // namespace moesim
