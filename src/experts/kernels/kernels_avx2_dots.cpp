// Compiled for AVX2 and FMA: the products of narrow numbers without dot product instructions.
#include "experts/kernels/dots.h"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

namespace moesim {
namespace {

constexpr int kLanes = 8;

#include "core/vectors.inl"

#include "experts/kernels/dots.inl"

__m256i load_vector(const void* from) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(from));
}

// The numbers of a group at even and at odd places, as 16 bits each: products of pairs of these cannot
// overflow, as those of _mm256_maddubs_epi16 would.
struct Halves {
  __m256i even, odd;
};
struct Int8 {
  using Sum = UintVec;
  static constexpr int kGroup = 4;
  static constexpr int kMaxRows = 4;
  static Halves weights(const void* from) {
    const __m256i all = load_vector(from);
    return {_mm256_and_si256(all, _mm256_set1_epi16(0xff)), _mm256_srli_epi16(all, 8)};
  }
  static Halves value(const void* from) {
    const __m256i all = _mm256_set1_epi32(load_as<std::int32_t>(from));
    return {_mm256_srai_epi16(_mm256_slli_epi16(all, 8), 8), _mm256_srai_epi16(all, 8)};
  }
  static Sum dot(Sum sum, const Halves& value, const Halves& weights) {
    const __m256i pairs = _mm256_add_epi32(_mm256_madd_epi16(value.even, weights.even),
                                           _mm256_madd_epi16(value.odd, weights.odd));
    return sum + reinterpret_cast<UintVec>(pairs);
  }
};

// Both numbers of a group as floats.
struct Floats {
  Vec first, second;
};
struct Bf16 {
  using Sum = Vec;
  static constexpr int kGroup = 2;
  static constexpr int kMaxRows = 4;
  static Floats halves(UintVec words) {
    return {reinterpret_cast<Vec>(words << 16), reinterpret_cast<Vec>(words & 0xffff0000u)};
  }
  static Floats weights(const void* from) { return halves(load_as<UintVec>(from)); }
  static Floats value(const void* from) { return halves(UintVec{} + load_as<std::uint32_t>(from)); }
  static Sum dot(Sum sum, const Floats& value, const Floats& weights) {
    return _mm256_fmadd_ps(value.first, weights.first, _mm256_fmadd_ps(value.second, weights.second, sum));
  }
};

}  // namespace

const DotSet* dots_int8_avx2() {
  return dot_set<Int8>("int8-madd", kernels_avx2());
}
const DotSet* dots_bf16_avx2() {
  return dot_set<Bf16>("bf16-fma", kernels_avx2());
}

}  // namespace moesim
#else
const moesim::DotSet* moesim::dots_int8_avx2() {
  return nullptr;
}
const moesim::DotSet* moesim::dots_bf16_avx2() {
  return nullptr;
}
#endif
