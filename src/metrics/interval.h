#pragma once
// Medians with an interval that needs no assumption about the distribution.

#include <cstddef>
#include <span>

namespace moesim {

struct Interval {
  double median = 0;
  double low = 0;
  double high = 0;
  // Half the width over the median; 0 for a median of 0.
  double relative_half_width() const;
};

// 95 % interval of the median from order statistics, interpolated after Hettmansperger and Sheather 1986
// ("Confidence intervals based on interpolated order statistics"). For fewer than 6 samples the interval is
// the whole range (its confidence is 1 − 2^(1−n)); for one sample low = high = median. No samples: all 0.
Interval median_interval(std::span<const double> samples);

// The confidence of median_interval of so many samples: 0.95, or 1 − 2^(1−n) for fewer than 6.
double interval_confidence(std::size_t samples);

double median(std::span<const double> samples);

// Samples further from the median than 14.8 median absolute deviations (about ten standard deviations):
// counted, never deleted.
int count_outliers(std::span<const double> samples);

}  // namespace moesim
