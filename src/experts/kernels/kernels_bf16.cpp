// Compiled for AVX-512 with BF16: bf16 dot products, 28 sums as in kernels_avx512.cpp.
#include "experts/kernels/dots.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512BF16__)
#include <immintrin.h>

namespace moesim {
namespace {

constexpr int kLanes = 16;

#include "core/vectors.inl"

#include "experts/kernels/dots.inl"

struct Bf16 {
  using Sum = Vec;
  static constexpr int kGroup = 2;
  static constexpr int kMaxRows = 14;
  static __m512bh weights(const void* from) { return reinterpret_cast<__m512bh>(_mm512_loadu_si512(from)); }
  static __m512bh value(const void* from) {
    return reinterpret_cast<__m512bh>(_mm512_set1_epi32(load_as<std::int32_t>(from)));
  }
  static Sum dot(Sum sum, __m512bh value, __m512bh weights) { return _mm512_dpbf16_ps(sum, value, weights); }
};

}  // namespace

const DotSet* dots_bf16_avx512() {
  return dot_set<Bf16>("bf16-dot", kernels_avx512());
}

}  // namespace moesim
#else
const moesim::DotSet* moesim::dots_bf16_avx512() {
  return nullptr;
}
#endif
