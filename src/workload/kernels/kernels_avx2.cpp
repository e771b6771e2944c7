// Compiled for AVX2: 8 numbers at a time.
#include "workload/kernels/kernels.h"

#if defined(__AVX2__)
#include <immintrin.h>

namespace moesim {
namespace {

constexpr int kLanes = 8;

#include "core/vectors.inl"

template <int Bits>
UintVec rotate(UintVec v) {
  return v << Bits | v >> (32 - Bits);
}

Vec pick(const float (&table)[16], UintVec entry) {
  const auto place = reinterpret_cast<__m256i>(entry);
  const __m256 low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), place);
  const __m256 high = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table + 8), place);
  return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(place, 28)));
}

#include "workload/kernels/body.inl"

}  // namespace

const NoiseKernels* noise_kernels_avx2() {
  return kernel_set("avx2");
}

}  // namespace moesim
#else
const moesim::NoiseKernels* moesim::noise_kernels_avx2() {
  return nullptr;
}
#endif
