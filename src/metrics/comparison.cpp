#include "metrics/comparison.h"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

constexpr std::size_t kFewestPairs = 6;  // for a 95 % interval without assumptions

void judge(SpeedVerdict& verdict) {
  if (verdict.ratio.low > 1.0 + verdict.margin) {
    verdict.speed = Speed::faster;
  } else if (verdict.ratio.high < 1.0 / (1.0 + verdict.margin)) {
    verdict.speed = Speed::slower;
  }
}

}  // namespace

std::string_view speed_word(Speed speed) {
  switch (speed) {
    case Speed::faster:
      return "faster";
    case Speed::slower:
      return "slower";
    case Speed::no_clear_difference:
      return "no clear difference";
  }
  return "?";
}

std::vector<double> paired_ratios(std::span<const double> seconds_a, std::span<const double> seconds_b) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i + 1 < std::min(seconds_a.size(), seconds_b.size()); i += 2) {
    ratios.push_back(std::sqrt(seconds_a[i] * seconds_a[i + 1] / (seconds_b[i] * seconds_b[i + 1])));
  }
  return ratios;
}

SpeedVerdict compare_rounds(std::span<const double> seconds_a, std::span<const double> seconds_b,
                            double margin) {
  const std::vector<double> ratios = paired_ratios(seconds_a, seconds_b);
  SpeedVerdict verdict;
  verdict.margin = margin;
  verdict.ratio = median_interval(ratios);
  if (ratios.size() >= kFewestPairs) {
    judge(verdict);
  }
  return verdict;
}

SpeedVerdict compare_stored(std::span<const double> relative_a, std::span<const double> relative_b,
                            double margin) {
  SpeedVerdict verdict;
  verdict.margin = margin;
  const Interval a = median_interval(relative_a);
  const Interval b = median_interval(relative_b);
  if (a.low <= 0 || b.low <= 0) {
    return verdict;
  }
  // Seconds: less is faster. Each half of the interval of a ratio of independent medians, on the logarithm.
  const auto half = [](double x, double y) { return std::sqrt(x * x + y * y); };
  const double centre = std::log(a.median / b.median);
  const double up = half(std::log(a.high / a.median), std::log(b.median / b.low));
  const double down = half(std::log(a.median / a.low), std::log(b.high / b.median));
  verdict.ratio = {std::exp(centre), std::exp(centre - down), std::exp(centre + up)};
  if (std::min(relative_a.size(), relative_b.size()) >= 5) {
    judge(verdict);
  }
  return verdict;
}

}  // namespace moesim
