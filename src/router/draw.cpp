// The first steps of Fisher and Yates's shuffle (Durstenfeld 1964), undone afterwards.

#include "router/draw.h"

#include <numeric>
#include <utility>

namespace moesim {

DistinctDraw::DistinctDraw(Index num_experts) : pool_(static_cast<std::size_t>(num_experts)) {
  std::iota(pool_.begin(), pool_.end(), 0);
}

void DistinctDraw::draw(RandomSequence sequence, std::span<std::int32_t> chosen) {
  swapped_.resize(chosen.size());
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    swapped_[i] = i + sequence.next_below(static_cast<std::uint32_t>(pool_.size() - i));
    std::swap(pool_[i], pool_[swapped_[i]]);
    chosen[i] = pool_[i];
  }
  for (std::size_t i = chosen.size(); i-- > 0;) {
    std::swap(pool_[i], pool_[swapped_[i]]);
  }
}

}  // namespace moesim
