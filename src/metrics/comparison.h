#pragma once
// Is B faster than A? Words only where the numbers carry them.

#include <span>
#include <string>
#include <string_view>
#include <vector>

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
// The 95 % interval of the median must lie beyond the margin, and needs six pairs of rounds, else nothing is
// clear. The margin is for where in memory the two happen to lie, which stays the same for all rounds of a
// process (Mytkowicz et al., "Producing wrong data without doing anything obviously wrong!", ASPLOS 2009);
// bench/compare_trials measures it.
constexpr double kLiveMargin = 0.01;
// The samples: tokens/s of B over A, of each two rounds.
std::vector<double> paired_ratios(std::span<const double> seconds_a, std::span<const double> seconds_b);
SpeedVerdict compare_rounds(std::span<const double> seconds_a, std::span<const double> seconds_b,
                            double margin);

// Measured at different times: each sample divided by the yardstick of its round. The difference must exceed
// the interval and the margin, which is what machines drift between two hours even so.
constexpr double kStoredMargin = 0.03;
SpeedVerdict compare_stored(std::span<const double> relative_a, std::span<const double> relative_b,
                            double margin);

}  // namespace moesim
