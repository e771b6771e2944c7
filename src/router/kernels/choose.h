#pragma once
// Private to this room: which instruction set the loops over a token's numbers use.

#include <vector>

#include "router/kernels/kernels.h"

namespace moesim {

// Of the best set that this processor has.
const RowKernels& row_kernels();

// All that work here, best first.
std::vector<const RowKernels*> usable_row_kernels();

}  // namespace moesim
