#include "metrics/same_time.h"

namespace moesim {

TimeMatch time_match(const VariantResult& dense) {
  const bool dense_is_faster = dense.ratio.low > 1.0 + kMatchMargin;
  const bool dense_is_slower = dense.ratio.high < 1.0 - kMatchMargin;
  if (!dense_is_faster && !dense_is_slower) {
    const bool sure = dense.ratio.low >= 1.0 - kMatchReach && dense.ratio.high <= 1.0 + kMatchReach;
    return sure ? TimeMatch::matched : TimeMatch::uncertain;
  }
  if (dense_is_faster && dense.width >= dense.widest) {
    return TimeMatch::slower_than_widest;
  }
  return dense_is_slower && dense.width <= dense.narrowest ? TimeMatch::faster_than_narrowest
                                                           : TimeMatch::closest;
}

std::string_view time_match_word(TimeMatch match) {
  switch (match) {
    case TimeMatch::matched:
      return "matched";
    case TimeMatch::uncertain:
      return "uncertain";
    case TimeMatch::closest:
      return "closest";
    case TimeMatch::slower_than_widest:
      return "slower_than_widest";
    case TimeMatch::faster_than_narrowest:
      return "faster_than_narrowest";
  }
  return "?";
}

}  // namespace moesim
