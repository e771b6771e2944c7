#include "workload/kernels/choose.h"

#include "core/instruction_set.h"

namespace moesim {

std::vector<const NoiseKernels*> usable_noise_kernels() {
  return usable_kernels(noise_kernels_avx512(), noise_kernels_avx2(), noise_kernels_portable());
}

const NoiseKernels& noise_kernels() {
  static const NoiseKernels& best = *usable_noise_kernels().front();
  return best;
}

}  // namespace moesim
