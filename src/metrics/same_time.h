#pragma once
// "This MoE runs like a dense layer of N parameters here": does the width that was found keep its promise?

#include <string_view>

#include "metrics/run_record.h"

namespace moesim {

enum class TimeMatch {
  matched,             // the interval of the ratio meets 1 ± kMatchMargin and lies within 1 ± kMatchReach
  uncertain,           // it meets it and reaches farther: noise hides whether the width is right
  closest,             // it does not meet it: the closest width that was found
  slower_than_widest,  // nor at the widest there was room for, where the MoE is slower
  faster_than_narrowest,  // nor at the narrowest, where it is faster
};
constexpr double kMatchMargin = 0.02;
constexpr double kMatchReach = 0.10;

// Of a measured dense_same_time, by the ratio of its tokens/s to the MoE's in the rounds of the run: other
// rounds than those that found the width.
TimeMatch time_match(const VariantResult& dense);
std::string_view time_match_word(TimeMatch match);

}  // namespace moesim
