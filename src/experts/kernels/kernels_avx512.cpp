// Compiled for AVX-512 (F, BW, DQ, VL): 32 registers of 16 floats hold 28 sums, a pair of weights and a
// value.
#include "experts/kernels/kernels.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
#include <immintrin.h>

namespace moesim {
namespace {

constexpr int kLanes = 16;
constexpr int kMaxRows = 14;

#include "core/vectors.inl"

Vec fma(Vec a, Vec b, Vec c) {
  return _mm512_fmadd_ps(a, b, c);
}
Vec exact_fma(Vec a, Vec b, Vec c) {
  return fma(a, b, c);
}
Vec widen_half(const std::uint16_t* from) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
Vec widen_byte(const std::int8_t* from) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
}
void stream(float* to, Vec v) {
  _mm512_stream_ps(to, v);
}
void end_streams() {
  _mm_sfence();
}

#include "experts/kernels/body.inl"

}  // namespace

const KernelSet* kernels_avx512() {
  return kernel_set("avx512");
}

}  // namespace moesim
#else
const moesim::KernelSet* moesim::kernels_avx512() {
  return nullptr;
}
#endif
