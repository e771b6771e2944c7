// Vectors of four numbers as every compiler target has them.
#include "workload/kernels/kernels.h"

namespace moesim {
namespace {

constexpr int kLanes = 4;

#include "core/vectors.inl"

template <int Bits>
UintVec rotate(UintVec v) {
  return v << Bits | v >> (32 - Bits);
}

Vec pick(const float (&table)[16], UintVec entry) {
  return Vec{table[entry[0] & 15], table[entry[1] & 15], table[entry[2] & 15], table[entry[3] & 15]};
}

#include "workload/kernels/body.inl"

}  // namespace

const NoiseKernels* noise_kernels_portable() {
  return kernel_set("portable");
}

}  // namespace moesim
