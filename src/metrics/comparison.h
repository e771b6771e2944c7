#pragma once
// Is B faster than A? Words only where the numbers carry them.

#include <span>
#include <string>
#include <string_view>

#include "metrics/interval.h"

namespace moesim {

enum class Speed { faster, slower, no_clear_difference };
std::string_view speed_word(Speed speed);

struct SpeedVerdict {
  Speed speed = Speed::no_clear_difference;
  Interval ratio;     // tokens/s of B over A
  double margin = 0;  // what the interval must exceed on either side of 1
};

// Measured side by side: seconds of A and B round by round, in rounds that mirror each other (A B, B A, …).
// Two rounds make one sample, so that being first, a drift and whatever else two neighbours share cancels.
// `margin` 0: the 95 % interval of the median alone decides; it needs six pairs of rounds, else nothing is
// clear.
SpeedVerdict compare_rounds(std::span<const double> seconds_a, std::span<const double> seconds_b);

// Measured at different times: each sample divided by the yardstick of its round. The difference must exceed
// the interval and the margin, which is what machines drift between two hours even so.
constexpr double kStoredMargin = 0.03;
SpeedVerdict compare_stored(std::span<const double> relative_a, std::span<const double> relative_b,
                            double margin);

}  // namespace moesim
