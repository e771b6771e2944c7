// Order statistics: the median, its interval (Hettmansperger and Sheather 1986, Statistics & Probability
// Letters 4, 75-79), and outliers by median absolute deviations.

#include "metrics/interval.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace moesim {
namespace {

constexpr double kConfidence = 0.95;
constexpr double kOutlierDeviations = 14.8;  // 1 / Φ⁻¹(3/4) = 1.48 of them are one standard deviation

double median_of_sorted(const std::vector<double>& sorted) {
  const std::size_t size = sorted.size();
  if (size == 0) {
    return 0.0;
  }
  return size % 2 == 1 ? sorted[size / 2] : (sorted[size / 2 - 1] + sorted[size / 2]) / 2;
}

std::vector<double> sort(std::span<const double> samples) {
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

// [X_(depth), X_(n+1−depth)] holds the median with confidence γ = 1 − 2·P(Bin(n, 1/2) < depth). The deepest
// such interval that still has 95 %, and how far to go on towards the next one.
struct Depth {
  std::size_t depth = 1;
  double lambda = 0;
};

Depth find_depth(std::size_t size) {
  const auto n = static_cast<double>(size);
  double log_probability = -n * std::numbers::ln2;  // of Bin(n, 1/2) = depth − 1
  double outside = 2.0 * std::exp(log_probability);
  for (std::size_t depth = 1;; ++depth) {
    const auto d = static_cast<double>(depth);
    log_probability += std::log((n - d + 1.0) / d);
    const double outside_next = outside + 2.0 * std::exp(log_probability);
    if (outside_next > 1.0 - kConfidence) {
      const double share = (1.0 - kConfidence - outside) / (outside_next - outside);
      return {.depth = depth, .lambda = (n - d) * share / (d + (n - 2.0 * d) * share)};
    }
    outside = outside_next;
  }
}

}  // namespace

double Interval::relative_half_width() const {
  return median == 0 ? 0.0 : (high - low) / 2 / std::abs(median);
}

Interval median_interval(std::span<const double> samples) {
  if (samples.empty()) {
    return {};
  }
  const std::vector<double> sorted = sort(samples);
  const std::size_t size = sorted.size();
  if (size < 6) {
    return {.median = median_of_sorted(sorted), .low = sorted.front(), .high = sorted.back()};
  }
  const auto [depth, lambda] = find_depth(size);
  return {.median = median_of_sorted(sorted),
          .low = (1.0 - lambda) * sorted[depth - 1] + lambda * sorted[depth],
          .high = (1.0 - lambda) * sorted[size - depth] + lambda * sorted[size - depth - 1]};
}

double interval_confidence(std::size_t samples) {
  if (samples == 0) {
    return 0.0;
  }
  return samples < 6 ? 1.0 - std::exp2(1.0 - static_cast<double>(samples)) : kConfidence;
}

double median(std::span<const double> samples) {
  return median_of_sorted(sort(samples));
}

int count_outliers(std::span<const double> samples) {
  const double centre = median(samples);
  std::vector<double> distances(samples.size());
  std::transform(samples.begin(), samples.end(), distances.begin(),
                 [centre](double x) { return std::abs(x - centre); });
  const double limit = kOutlierDeviations * median(distances);
  return static_cast<int>(
      std::count_if(distances.begin(), distances.end(), [limit](double d) { return d > limit; }));
}

}  // namespace moesim
