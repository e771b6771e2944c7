// Compiled for AVX2 with AVX-VNNI: int8 dot products, 12 sums as in kernels_avx2.cpp.
#include "experts/kernels/dots.h"

#if defined(__AVX2__) && defined(__AVXVNNI__)
#include <immintrin.h>

namespace moesim {
namespace {

constexpr int kLanes = 8;

#include "core/vectors.inl"

#include "experts/kernels/dots.inl"

struct AvxVnni {
  using Sum = UintVec;
  static constexpr int kGroup = 4;
  static constexpr int kMaxRows = 6;
  static __m256i weights(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
  static __m256i value(const void* from) { return _mm256_set1_epi32(load_as<std::int32_t>(from)); }
  static Sum dot(Sum sum, __m256i value, __m256i weights) {
    return reinterpret_cast<Sum>(_mm256_dpbusd_avx_epi32(reinterpret_cast<__m256i>(sum), weights, value));
  }
};

}  // namespace

const DotSet* dots_int8_avx_vnni() {
  return dot_set<AvxVnni>("int8-avxvnni", kernels_avx2());
}

}  // namespace moesim
#else
const moesim::DotSet* moesim::dots_int8_avx_vnni() {
  return nullptr;
}
#endif
