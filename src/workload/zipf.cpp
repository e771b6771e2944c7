#include "workload/zipf.h"

#include <algorithm>
#include <cmath>

namespace moesim {

Zipf::Zipf(std::int64_t count, double exponent) {
  cumulative_.reserve(static_cast<std::size_t>(count));
  double sum = 0;
  for (std::int64_t r = 0; r < count; ++r) {
    sum += std::pow(static_cast<double>(r + 1), -exponent);
    cumulative_.push_back(sum);
  }
}

std::uint32_t Zipf::draw(double uniform) const {
  const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), uniform * cumulative_.back());
  const auto last = static_cast<std::ptrdiff_t>(cumulative_.size()) - 1;
  return static_cast<std::uint32_t>(std::min(found - cumulative_.begin(), last));
}

}  // namespace moesim
