#include "experts/kernels/choose.h"

#include "core/instruction_set.h"

namespace moesim {
namespace {

constexpr EnumName<InstructionSet> kInstructionSets[] = {{InstructionSet::automatic, "auto"},
                                                         {InstructionSet::avx512, "avx512"},
                                                         {InstructionSet::avx2, "avx2"},
                                                         {InstructionSet::portable, "portable"}};

}  // namespace

std::span<const EnumName<InstructionSet>> enum_names(InstructionSet) {
  return kInstructionSets;
}

const KernelSet* find_kernels(InstructionSet set) {
  switch (set) {
    case InstructionSet::automatic:
      return find_kernels(usable_instruction_sets().front());
    case InstructionSet::avx512:
      return has_avx512() ? kernels_avx512() : nullptr;
    case InstructionSet::avx2:
      return has_avx2() ? kernels_avx2() : nullptr;
    case InstructionSet::portable:
      return kernels_portable();
  }
  return nullptr;
}

std::vector<InstructionSet> usable_instruction_sets() {
  std::vector<InstructionSet> usable;
  for (const InstructionSet set : {InstructionSet::avx512, InstructionSet::avx2, InstructionSet::portable}) {
    if (find_kernels(set) != nullptr) {
      usable.push_back(set);
    }
  }
  return usable;
}

}  // namespace moesim
