// Compiled for AVX2: 8 floats at a time.
#include "router/kernels/kernels.h"

#if defined(__AVX2__)
#include <immintrin.h>

namespace moesim {
namespace {

constexpr int kLanes = 8;

#include "router/kernels/types.inl"

Vec maximum(Vec a, Vec b) {
  return _mm256_max_ps(a, b);
}
Vec minimum(Vec a, Vec b) {
  return _mm256_min_ps(a, b);
}
float highest(Vec v) {
  __m128 m = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  m = _mm_max_ps(m, _mm_movehl_ps(m, m));
  return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}
float lowest(Vec v) {
  return -highest(-v);
}

Vec pick(const float (&table)[8], UintVec entry) {
  return _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), reinterpret_cast<__m256i>(entry));
}

struct WideSums {
  __m256d sum[4] = {_mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd()};
  void add(const Vec (&v)[2]) {
    for (int i = 0; i < 2; ++i) {
      sum[2 * i] = _mm256_add_pd(sum[2 * i], _mm256_cvtps_pd(_mm256_castps256_ps128(v[i])));
      sum[2 * i + 1] = _mm256_add_pd(sum[2 * i + 1], _mm256_cvtps_pd(_mm256_extractf128_ps(v[i], 1)));
    }
  }
  double total() const {
    const __m256d four = _mm256_add_pd(_mm256_add_pd(sum[0], sum[2]), _mm256_add_pd(sum[1], sum[3]));
    const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
  }
};

// Byte j of entry m: the j-th lowest bit set in m.
struct Compress {
  std::uint64_t lanes[256];
};
constexpr Compress make_compress() {
  Compress table{};
  for (int mask = 0; mask < 256; ++mask) {
    int at = 0;
    for (int lane = 0; lane < 8; ++lane) {
      if ((mask >> lane & 1) != 0) {
        table.lanes[mask] |= static_cast<std::uint64_t>(lane) << (8 * at++);
      }
    }
  }
  return table;
}
constexpr Compress kCompress = make_compress();

// Returns how many.
int keep(const Offer& offer, std::int64_t lanes, float* value, std::int32_t* index) {
  const int wanted =
      _mm256_movemask_ps(_mm256_cmp_ps(offer.value, offer.bound, _CMP_GE_OQ)) & ((1 << lanes) - 1);
  const __m256i order =
      _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<long long>(kCompress.lanes[wanted])));
  _mm256_storeu_ps(value, _mm256_permutevar8x32_ps(offer.value, order));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(index),
                      _mm256_permutevar8x32_epi32(reinterpret_cast<__m256i>(offer.index), order));
  return __builtin_popcount(static_cast<unsigned>(wanted));
}

IntVec count_less(IntVec count, Vec v, Vec than) {
  return count - (v < than);
}
IntVec count_beaten(IntVec count, const Duel& duel, int j) {
  return count - ((duel.value < duel.other) | ((duel.value == duel.other) & (duel.position > j)));
}

struct Wide {
  __m256d low = _mm256_setzero_pd(), high = _mm256_setzero_pd();
  void add(const float* values) {
    low = _mm256_add_pd(low, _mm256_cvtps_pd(_mm_loadu_ps(values)));
    high = _mm256_add_pd(high, _mm256_cvtps_pd(_mm_loadu_ps(values + 4)));
  }
  void operator+=(const Wide& other) {
    low = _mm256_add_pd(low, other.low);
    high = _mm256_add_pd(high, other.high);
  }
  Vec inverse() const {
    const __m256d one = _mm256_set1_pd(1.0);
    return _mm256_set_m128(_mm256_cvtpd_ps(_mm256_div_pd(one, high)),
                           _mm256_cvtpd_ps(_mm256_div_pd(one, low)));
  }
};

template <int Step>
void mix(Vec& a, Vec& b) {
  const Vec from = a;
  if constexpr (Step == 1) {
    a = _mm256_blend_ps(from, _mm256_moveldup_ps(b), 0xaa);
    b = _mm256_blend_ps(_mm256_movehdup_ps(from), b, 0xaa);
  } else if constexpr (Step == 2) {
    a = _mm256_shuffle_ps(from, b, 0x44);
    b = _mm256_shuffle_ps(from, b, 0xee);
  } else {
    a = _mm256_permute2f128_ps(from, b, 0x20);
    b = _mm256_permute2f128_ps(from, b, 0x31);
  }
}

#include "router/kernels/body.inl"
#include "router/kernels/rows.inl"

}  // namespace

const RowKernels* row_kernels_avx2() {
  return kernel_set("avx2");
}

}  // namespace moesim
#else
const moesim::RowKernels* moesim::row_kernels_avx2() {
  return nullptr;
}
#endif
