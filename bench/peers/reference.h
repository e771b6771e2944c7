#pragma once
// What some tokens of a batch must come to, in double precision.

#include <algorithm>
#include <cmath>
#include <mutex>

#include "bench/peers/peer.h"

namespace moesim::bench {

// ‖a−b‖/‖b‖
template <class A, class B>
double relative_distance(const A& a, const B& b) {
  double distance = 0;
  double size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    distance += difference * difference;
    size += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return std::sqrt(distance / std::max(size, 1e-300));
}

class Reference {
 public:
  // Of plan 0 of the batches, which must outlive it.
  explicit Reference(const Batches& batches);

  // Each expert once, in any order, from several threads.
  void add(Index expert, const FfnWeights& weights);
  // The largest relative distance of a sampled token; infinite where y has something that is no number.
  double distance(const Matrix& y) const;

 private:
  const Batches& batches_;
  std::mutex mutex_;
  std::vector<Index> tokens_;
  std::vector<std::vector<double>> rows_;  // of each sampled token
};

}  // namespace moesim::bench
