#pragma once
// Private to this room: which instruction set the loop that draws logits uses.

#include <vector>

#include "workload/kernels/kernels.h"

namespace moesim {

// Of the best set that this processor has.
const NoiseKernels& noise_kernels();

// All that work here, best first.
std::vector<const NoiseKernels*> usable_noise_kernels();

}  // namespace moesim
