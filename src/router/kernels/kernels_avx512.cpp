// Compiled for AVX-512 (F, BW, DQ, VL): 16 floats at a time.
#include "router/kernels/kernels.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
#include <immintrin.h>

namespace moesim {
namespace {

constexpr int kLanes = 16;

#include "router/kernels/types.inl"

Vec maximum(Vec a, Vec b) {
  return _mm512_max_ps(a, b);
}
Vec minimum(Vec a, Vec b) {
  return _mm512_min_ps(a, b);
}
float highest(Vec v) {
  return _mm512_reduce_max_ps(v);
}
float lowest(Vec v) {
  return _mm512_reduce_min_ps(v);
}

Vec pick(const float (&table)[8], UintVec entry) {
  const __m512 twice = _mm512_broadcast_f32x8(_mm256_loadu_ps(table));
  return _mm512_permutexvar_ps(reinterpret_cast<__m512i>(entry), twice);
}

struct WideSums {
  __m512d sum[2] = {_mm512_setzero_pd(), _mm512_setzero_pd()};
  void add(const Vec (&v)[1]) {
    sum[0] = _mm512_add_pd(sum[0], _mm512_cvtps_pd(_mm512_castps512_ps256(v[0])));
    sum[1] = _mm512_add_pd(sum[1], _mm512_cvtps_pd(_mm512_extractf32x8_ps(v[0], 1)));
  }
  double total() const {
    const __m512d eight = _mm512_add_pd(sum[0], sum[1]);
    const __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd(eight, 1));
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
  }
};

// Returns how many.
int keep(const Offer& offer, std::int64_t lanes, float* value, std::int32_t* index) {
  const auto allowed = static_cast<__mmask16>((1U << lanes) - 1);
  const __mmask16 wanted = _mm512_mask_cmp_ps_mask(allowed, offer.value, offer.bound, _CMP_GE_OQ);
  _mm512_storeu_ps(value, _mm512_maskz_compress_ps(wanted, offer.value));
  _mm512_storeu_si512(index, _mm512_maskz_compress_epi32(wanted, reinterpret_cast<__m512i>(offer.index)));
  return __builtin_popcount(wanted);
}

IntVec add_one(IntVec count, __mmask16 where) {
  const auto whole = reinterpret_cast<__m512i>(count);
  return reinterpret_cast<IntVec>(_mm512_mask_add_epi32(whole, where, whole, _mm512_set1_epi32(1)));
}
IntVec count_less(IntVec count, Vec v, Vec than) {
  return add_one(count, _mm512_cmp_ps_mask(v, than, _CMP_LT_OQ));
}
IntVec count_beaten(IntVec count, const Duel& duel, int j) {
  const __mmask16 later =
      _mm512_cmpgt_epi32_mask(reinterpret_cast<__m512i>(duel.position), _mm512_set1_epi32(j));
  const __mmask16 less = _mm512_cmp_ps_mask(duel.value, duel.other, _CMP_LT_OQ);
  return add_one(count, less | _mm512_mask_cmp_ps_mask(later, duel.value, duel.other, _CMP_EQ_OQ));
}

struct Wide {
  __m512d low = _mm512_setzero_pd(), high = _mm512_setzero_pd();
  void add(const float* values) {
    low = _mm512_add_pd(low, _mm512_cvtps_pd(_mm256_loadu_ps(values)));
    high = _mm512_add_pd(high, _mm512_cvtps_pd(_mm256_loadu_ps(values + 8)));
  }
  void operator+=(const Wide& other) {
    low = _mm512_add_pd(low, other.low);
    high = _mm512_add_pd(high, other.high);
  }
  Vec inverse() const {
    const __m512d one = _mm512_set1_pd(1.0);
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(_mm512_div_pd(one, low))),
                              _mm512_cvtpd_ps(_mm512_div_pd(one, high)), 1);
  }
};

template <int Step>
void mix(Vec& a, Vec& b) {
  constexpr auto kWhere = [](bool second) {
    IntVec lanes{};
    for (int lane = 0; lane < kLanes; ++lane) {
      const bool upper = (lane & Step) != 0;
      lanes[lane] = second ? (upper ? kLanes + lane : lane + Step) : (upper ? kLanes + lane - Step : lane);
    }
    return lanes;
  };
  const auto first = reinterpret_cast<__m512i>(kWhere(false));
  const auto second = reinterpret_cast<__m512i>(kWhere(true));
  const Vec from = a;
  a = _mm512_permutex2var_ps(from, first, b);
  b = _mm512_permutex2var_ps(from, second, b);
}

#include "router/kernels/body.inl"
#include "router/kernels/rows.inl"

}  // namespace

const RowKernels* row_kernels_avx512() {
  return kernel_set("avx512");
}

}  // namespace moesim
#else
const moesim::RowKernels* moesim::row_kernels_avx512() {
  return nullptr;
}
#endif
