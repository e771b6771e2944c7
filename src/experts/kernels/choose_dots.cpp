#include "experts/kernels/choose_dots.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "core/instruction_set.h"
#include "core/stopwatch.h"

namespace moesim {
namespace {

struct Entry {
  WeightType type;
  InstructionSet set;
  bool (*processor_has)();
  const DotSet* (*dots)();
};
bool always() {
  return true;
}
// Best first.
constexpr Entry kEntries[] = {
    {WeightType::int8, InstructionSet::avx512, has_avx512_vnni, dots_int8_avx512_vnni},
    {WeightType::int8, InstructionSet::avx2, has_avx_vnni, dots_int8_avx_vnni},
    {WeightType::int8, InstructionSet::avx2, always, dots_int8_avx2},
    {WeightType::int8, InstructionSet::portable, always, dots_int8_portable},
    {WeightType::bf16, InstructionSet::avx512, has_avx512_bf16, dots_bf16_avx512},
    {WeightType::bf16, InstructionSet::avx2, always, dots_bf16_avx2},
    {WeightType::bf16, InstructionSet::portable, always, dots_bf16_portable}};

}  // namespace

std::vector<const DotSet*> usable_dots(WeightType type, InstructionSet set) {
  std::vector<const DotSet*> usable;
  for (const Entry& entry : kEntries) {
    if (entry.type == type && (set == InstructionSet::automatic || set == entry.set) &&
        find_kernels(entry.set) != nullptr && entry.processor_has() && entry.dots() != nullptr) {
      usable.push_back(entry.dots());
    }
  }
  return usable;
}

double dot_speed(const DotSet& dots) {
  constexpr std::int64_t kIterations = 20'000;
  constexpr int kRounds = 7;
  const std::uint8_t seed[64] = {};
  const KernelSet& floats = *dots.floats;
  // The best of some turns, one after the other: what else goes on makes either only slower.
  double narrow = 0;
  double wide = 0;
  float used = 0;
  for (int i = 0; i < kRounds; ++i) {
    Stopwatch watch;
    used += dots.dot_loop(kIterations, seed);
    narrow = std::max(narrow, dots.max_rows * dots.group / watch.lap());
    used += floats.multiply_add_loop(kIterations);
    wide = std::max(wide, floats.max_rows / watch.lap());
  }
  MOESIM_CHECK(used == used, "the loops' values are used");
  return narrow / wide;
}

int int8_levels(std::int64_t depth) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max() / 127;
  if (depth > kMost) {
    throw Error(ErrorKind::config,
                "error: experts of this width do not fit the sums of int8 activations [too-large]",
                "leave out executor.activations");
  }
  return static_cast<int>(std::min<std::int64_t>(127, kMost / std::max<std::int64_t>(1, depth)));
}

}  // namespace moesim
