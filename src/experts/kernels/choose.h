#pragma once
// Private to this room: which instruction set the kernels use.

#include <span>

#include "config/fields.h"
#include "experts/kernels/kernels.h"

namespace moesim {

enum class InstructionSet { automatic, avx512, avx2, portable };
std::span<const EnumName<InstructionSet>> enum_names(InstructionSet);

// The kernels of a set; of the best one this processor has when automatic. Null when this processor or this
// build does not have the set.
const KernelSet* find_kernels(InstructionSet set);

// The sets that find_kernels finds here, best first.
std::vector<InstructionSet> usable_instruction_sets();

}  // namespace moesim
