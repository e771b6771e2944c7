// The products of narrow numbers for any processor, in the vectors of kernels_portable.cpp.
#include "experts/kernels/dots.h"

namespace moesim {
namespace {

constexpr int kLanes = 4;

#include "core/vectors.inl"

#include "experts/kernels/dots.inl"

struct Int8 {
  using Sum = UintVec;
  static constexpr int kGroup = 4;
  static constexpr int kMaxRows = 4;
  struct Weights {
    UintVec at[4];
  };
  struct Value {
    std::int8_t at[4];
  };
  static Weights weights(const void* from) {
    const auto* w = static_cast<const std::uint8_t*>(from);
    Weights all;
    for (int i = 0; i < 4; ++i) {
      all.at[i] = UintVec{w[i], w[4 + i], w[8 + i], w[12 + i]};
    }
    return all;
  }
  static Value value(const void* from) { return load_as<Value>(from); }
  static Sum dot(Sum sum, const Value& value, const Weights& weights) {
    for (int i = 0; i < 4; ++i) {
      sum += weights.at[i] * static_cast<std::uint32_t>(value.at[i]);
    }
    return sum;
  }
};

float widen(std::uint16_t x) {
  const std::uint32_t bits = static_cast<std::uint32_t>(x) << 16;
  return load_as<float>(&bits);
}
struct Bf16 {
  using Sum = Vec;
  static constexpr int kGroup = 2;
  static constexpr int kMaxRows = 4;
  struct Weights {
    Vec first, second;
  };
  struct Value {
    float first, second;
  };
  static Weights weights(const void* from) {
    const auto* w = static_cast<const std::uint16_t*>(from);
    return {Vec{widen(w[0]), widen(w[2]), widen(w[4]), widen(w[6])},
            Vec{widen(w[1]), widen(w[3]), widen(w[5]), widen(w[7])}};
  }
  static Value value(const void* from) {
    const auto* x = static_cast<const std::uint16_t*>(from);
    return {widen(x[0]), widen(x[1])};
  }
  // A product of two bf16 numbers is exact in float32, so this rounds like a multiply-add.
  static Sum dot(Sum sum, const Value& value, const Weights& weights) {
    sum = sum + weights.second * value.second;
    return sum + weights.first * value.first;
  }
};

}  // namespace

const DotSet* dots_int8_portable() {
  return dot_set<Int8>("int8-plain", kernels_portable());
}
const DotSet* dots_bf16_portable() {
  return dot_set<Bf16>("bf16-plain", kernels_portable());
}

}  // namespace moesim
