// Compiled for AVX2, FMA and F16C: 16 registers of 8 floats hold 12 sums, a pair of weights and a value.
#include "experts/kernels/kernels.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#include <immintrin.h>

namespace moesim {
namespace {

constexpr int kLanes = 8;
constexpr int kMaxRows = 6;

#include "core/vectors.inl"

Vec fma(Vec a, Vec b, Vec c) {
  return _mm256_fmadd_ps(a, b, c);
}
Vec exact_fma(Vec a, Vec b, Vec c) {
  return fma(a, b, c);
}
Vec widen_half(const std::uint16_t* from) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
Vec widen_byte(const std::int8_t* from) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
}
void stream(float* to, Vec v) {
  _mm256_stream_ps(to, v);
}
void end_streams() {
  _mm_sfence();
}

#include "experts/kernels/body.inl"

}  // namespace

const KernelSet* kernels_avx2() {
  return kernel_set("avx2");
}

}  // namespace moesim
#else
const moesim::KernelSet* moesim::kernels_avx2() {
  return nullptr;
}
#endif
