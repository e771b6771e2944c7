#pragma once
// Dispatch and combine of a soft router: every slot is a mixture of all tokens, every output a mixture of all
// slots. Puigcerver et al. 2023, "From sparse to soft mixtures of experts" (arXiv:2308.00951), equations 1
// to 3.

#include <vector>

#include "core/parallel.h"
#include "router/routing.h"

namespace moesim {

// [E+1]: expert e computes slots [e·S/E, (e+1)·S/E), in the form executors take. S must be a multiple of E.
std::vector<Index> slot_begin(const SoftMix& mix);

// slots = dispatchᵀ·hidden: hidden [T,D], slots [S,D]. Terms are added in the order of the tokens, in
// float32: the same bits on any number of threads.
void mix_in(const SoftMix& mix, MatrixView hidden, MutableMatrixView slots, const Context& context);

// y = combine·slot_outputs: slot_outputs [S,D], y [T,D]. Terms are added in the order of the slots.
void mix_out(const SoftMix& mix, MatrixView slot_outputs, MutableMatrixView y, const Context& context);

}  // namespace moesim
