#pragma once
// Uniform draws of distinct experts, for routers that do not look at logits.

#include <span>
#include <vector>

#include "core/random.h"
#include "router/routing.h"

namespace moesim {

// Draws ordered samples without replacement from 0 … num_experts-1. One per block of rows.
class DistinctDraw {
 public:
  explicit DistinctDraw(Index num_experts);

  // Every ordered choice of chosen.size() <= num_experts different experts is equally likely; takes time in
  // proportion to that size. The result depends on `sequence` alone, not on earlier draws.
  void draw(RandomSequence sequence, std::span<std::int32_t> chosen);

 private:
  std::vector<std::int32_t> pool_;    // 0 … E-1, in order between draws
  std::vector<std::size_t> swapped_;  // places the current draw has swapped, to be undone
};

}  // namespace moesim
