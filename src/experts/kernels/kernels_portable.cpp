// Vectors of four floats as every compiler target has them, and no instruction that it might lack: a product
// rounds twice, so its bits differ from those of the sets with a fused multiply-add.
#include "experts/kernels/kernels.h"

namespace moesim {
namespace {

constexpr int kLanes = 4;
constexpr int kMaxRows = 6;

#include "core/vectors.inl"

Vec fma(Vec a, Vec b, Vec c) {
  return a * b + c;
}
Vec exact_fma(Vec a, Vec b, Vec c) {
  for (int j = 0; j < kLanes; ++j) {
    c[j] = __builtin_fmaf(a[j], b[j], c[j]);
  }
  return c;
}
// Exponent and fraction of a half, moved to their places in a float, are 2^112 times too small; infinities
// and NaN, whose exponent is the largest, need the largest of floats.
Vec widen_half(const std::uint16_t* from) {
  const UintVec half = {from[0], from[1], from[2], from[3]};
  const UintVec magnitude = (half & 0x7fffu) << 13;
  const Vec scaled = reinterpret_cast<Vec>(magnitude) * 0x1p112F;
  const UintVec not_finite = reinterpret_cast<UintVec>((half & 0x7c00u) == 0x7c00u) & 0x7f800000u;
  return reinterpret_cast<Vec>(reinterpret_cast<UintVec>(scaled) | not_finite | ((half & 0x8000u) << 16));
}
Vec widen_byte(const std::int8_t* from) {
  const IntVec whole = {from[0], from[1], from[2], from[3]};
  return __builtin_convertvector(whole, Vec);
}
void stream(float* to, Vec v) {
  __builtin_memcpy(to, &v, sizeof v);
}
void end_streams() {}

#include "experts/kernels/body.inl"

}  // namespace

const KernelSet* kernels_portable() {
  return kernel_set("portable");
}

}  // namespace moesim
