#pragma once
// What this processor can do, for the files that are compiled for more than MOESIM_ARCH.

#include <vector>

namespace moesim {

bool has_avx512();  // F, BW, DQ and VL
bool has_avx2();    // and FMA, F16C
// Dot products of narrow numbers, beside one of these.
bool has_avx512_vnni();
bool has_avx512_bf16();
bool has_avx_vnni();

// Those that run here, best first; nullptr where the build has none for a set.
template <class Kernels>
std::vector<const Kernels*> usable_kernels(const Kernels* avx512, const Kernels* avx2,
                                           const Kernels* portable) {
  std::vector<const Kernels*> usable;
  if (avx512 != nullptr && has_avx512()) {
    usable.push_back(avx512);
  }
  if (avx2 != nullptr && has_avx2()) {
    usable.push_back(avx2);
  }
  usable.push_back(portable);
  return usable;
}

}  // namespace moesim
