#pragma once
// A course of numbers within a line of text.

#include <span>
#include <string>

namespace moesim {

// `values` in at most `width` characters, each the mean of as many values, from the lowest sign at 0 to the
// highest at `most`. A gap where they are not finite. `unicode`: eighths of a block; else _.:-=+*#.
std::string sparkline(std::span<const double> values, double most, int width, bool unicode);

}  // namespace moesim
