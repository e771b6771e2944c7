#pragma once
// The run in words: one paragraph for the reader who skips the numbers.

#include <string>

#include "metrics/run_record.h"

namespace moesim {

std::string describe_in_words(const RunRecord& record);

// The word or sentence that must stand beside ratios: "warm" for small batches with cached weights, the share
// of rows computed where rows were dropped; empty when neither applies.
std::string ratio_caveat(const RunRecord& record);

// What to type next; `program` as the user types it.
std::string next_step(const RunRecord& record, const std::string& program);

}  // namespace moesim
