// Measures of balance. MaxVio: Wang et al. 2024, "Auxiliary-loss-free load balancing" (arXiv:2408.15664),
// section 4.1; CV: Shazeer et al. 2017 (arXiv:1701.06538), section 4, here in the population form; Gini
// coefficient and Shannon entropy: their usual definitions.

#include "metrics/load.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace moesim {
namespace {

// Exact up to the last rounding, also above 2^53: the upper and lower halves of the counts are summed apart.
double sum_of(std::span<const std::uint64_t> counts) {
  std::uint64_t upper = 0;
  std::uint64_t lower = 0;
  for (const std::uint64_t count : counts) {
    upper += count >> 32;
    lower += count & 0xffffffffU;
  }
  return static_cast<double>(upper) * 4294967296.0 + static_cast<double>(lower);
}

// Σ(2i−E−1)·n_(i), both ends taken together: nothing cancels, and equal loads give exactly 0.
double gini(const std::vector<std::uint64_t>& sorted, double sum) {
  const std::size_t size = sorted.size();
  double spread = 0;
  for (std::size_t i = 0; i < size / 2; ++i) {
    const std::uint64_t difference = sorted[size - 1 - i] - sorted[i];
    spread += static_cast<double>(size - 1 - 2 * i) * static_cast<double>(difference);
  }
  return spread / (static_cast<double>(size) * sum);
}

double coefficient_of_variation(std::span<const std::uint64_t> counts, double mean) {
  double squares = 0;
  for (const std::uint64_t count : counts) {
    const double deviation = static_cast<double>(count) - mean;
    squares += deviation * deviation;
  }
  return std::sqrt(squares / static_cast<double>(counts.size())) / mean;
}

// H in nats; 0·ln 0 is 0.
double entropy_of(std::span<const std::uint64_t> counts, double sum) {
  double entropy = 0;
  for (const std::uint64_t count : counts) {
    if (count > 0) {
      entropy += static_cast<double>(count) / sum * std::log(sum / static_cast<double>(count));
    }
  }
  return entropy;
}

}  // namespace

LoadStats load_stats(std::span<const std::uint64_t> counts) {
  const double sum = sum_of(counts);
  if (sum == 0) {
    return {.dead_experts = static_cast<std::int64_t>(counts.size())};
  }
  std::vector<std::uint64_t> sorted(counts.begin(), counts.end());
  std::sort(sorted.begin(), sorted.end());
  const auto experts = static_cast<double>(counts.size());
  const double mean = sum / experts;
  const double entropy = entropy_of(counts, sum);

  LoadStats stats;
  stats.max_violation = static_cast<double>(sorted.back()) / mean - 1.0;
  stats.min_over_mean = static_cast<double>(sorted.front()) / mean;
  stats.cv = coefficient_of_variation(counts, mean);
  stats.gini = gini(sorted, sum);
  stats.entropy = counts.size() == 1 ? 1.0 : std::min(1.0, entropy / std::log(experts));
  stats.effective_experts = std::min(experts, std::exp(entropy));
  stats.dead_experts = std::upper_bound(sorted.begin(), sorted.end(), std::uint64_t{0}) - sorted.begin();
  return stats;
}

LoadStats mean_of_layers(std::span<const LoadStats> layers) {
  LoadStats mean;
  mean.entropy = 0;
  const auto count = static_cast<double>(std::max<std::size_t>(1, layers.size()));
  for (const LoadStats& layer : layers) {
    mean.max_violation += layer.max_violation / count;
    mean.min_over_mean += layer.min_over_mean / count;
    mean.cv += layer.cv / count;
    mean.gini += layer.gini / count;
    mean.entropy += layer.entropy / count;
    mean.effective_experts += layer.effective_experts / count;
    mean.dead_experts += layer.dead_experts;
  }
  return mean;
}

}  // namespace moesim
