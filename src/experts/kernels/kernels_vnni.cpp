// Compiled for AVX-512 with VNNI: int8 dot products, 28 sums as in kernels_avx512.cpp.
#include "experts/kernels/dots.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512VNNI__)
#include <immintrin.h>

namespace moesim {
namespace {

constexpr int kLanes = 16;

#include "core/vectors.inl"

#include "experts/kernels/dots.inl"

struct Vnni {
  using Sum = UintVec;
  static constexpr int kGroup = 4;
  static constexpr int kMaxRows = 14;
  static __m512i weights(const void* from) { return _mm512_loadu_si512(from); }
  static __m512i value(const void* from) { return _mm512_set1_epi32(load_as<std::int32_t>(from)); }
  static Sum dot(Sum sum, __m512i value, __m512i weights) {
    return reinterpret_cast<Sum>(_mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sum), weights, value));
  }
};

}  // namespace

const DotSet* dots_int8_avx512_vnni() {
  return dot_set<Vnni>("int8-vnni", kernels_avx512());
}

}  // namespace moesim
#else
const moesim::DotSet* moesim::dots_int8_avx512_vnni() {
  return nullptr;
}
#endif
