// Compiled for AVX-512 (F, BW, DQ, VL): 16 numbers at a time.
#include "workload/kernels/kernels.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
#include <immintrin.h>

namespace moesim {
namespace {

constexpr int kLanes = 16;

#include "core/vectors.inl"

template <int Bits>
UintVec rotate(UintVec v) {
  return reinterpret_cast<UintVec>(_mm512_rol_epi32(reinterpret_cast<__m512i>(v), Bits));
}

Vec pick(const float (&table)[16], UintVec entry) {
  return _mm512_permutexvar_ps(reinterpret_cast<__m512i>(entry), _mm512_loadu_ps(table));
}

#include "workload/kernels/body.inl"

}  // namespace

const NoiseKernels* noise_kernels_avx512() {
  return kernel_set("avx512");
}

}  // namespace moesim
#else
const moesim::NoiseKernels* moesim::noise_kernels_avx512() {
  return nullptr;
}
#endif
