#include "workload/kernels/choose.h"

#include "core/instruction_set.h"

namespace moesim {

std::vector<const NoiseKernels*> usable_noise_kernels() {
  std::vector<const NoiseKernels*> usable;
  if (has_avx512() && noise_kernels_avx512() != nullptr) {
    usable.push_back(noise_kernels_avx512());
  }
  if (has_avx2() && noise_kernels_avx2() != nullptr) {
    usable.push_back(noise_kernels_avx2());
  }
  usable.push_back(noise_kernels_portable());
  return usable;
}

const NoiseKernels& noise_kernels() {
  static const NoiseKernels& best = *usable_noise_kernels().front();
  return best;
}

}  // namespace moesim
