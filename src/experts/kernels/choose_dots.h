#pragma once
// Private to this room: which products of narrow numbers there are here, and whether they are worth it.

#include <vector>

#include "experts/kernels/choose.h"
#include "experts/kernels/dots.h"

namespace moesim {

// The products of this type (int8, bf16; the others have none) that this processor and this build have in
// the set, best first; in every set, the best sets first, when automatic.
std::vector<const DotSet*> usable_dots(WeightType type, InstructionSet set);

// Multiply-adds a second of the dot products over those of float32, both from registers. Takes some
// milliseconds.
double dot_speed(const DotSet& dots);

// The largest magnitude of int8 activations: so many that sums over `depth` fit int32. 127 up to a depth of
// 133,144. Throws Error(config) where not even 1 is left.
int int8_levels(std::int64_t depth);

}  // namespace moesim
