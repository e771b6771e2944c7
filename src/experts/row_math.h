#pragma once
// Private to this room: small sums over one row, in double and in a fixed order, so that a row's bits depend
// on the row alone.

#include <array>
#include <cmath>
#include <span>

namespace moesim {

// Σ a·b over spans of equal size, as eight interleaved sums.
inline double dot(std::span<const float> a, std::span<const float> b) {
  constexpr std::size_t kLanes = 8;
  std::array<double, kLanes> sums{};
  std::size_t i = 0;
  for (; i + kLanes <= a.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      sums[lane] += static_cast<double>(a[i + lane]) * b[i + lane];
    }
  }
  for (; i < a.size(); ++i) {
    sums[i % kLanes] += static_cast<double>(a[i]) * b[i];
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

inline double sigmoid(double z) {
  return 1.0 / (1.0 + std::exp(-z));
}

// The softmax of two logits.
struct TwoWeights {
  float first = 0;
  float second = 0;
};
inline TwoWeights softmax_of_two(double first, double second) {
  return {static_cast<float>(sigmoid(first - second)), static_cast<float>(sigmoid(second - first))};
}

}  // namespace moesim
