#pragma once
// The run in words: one paragraph for the reader who skips the numbers.

#include <string>
#include <vector>

#include "metrics/run_record.h"

namespace moesim {

std::string describe_in_words(const RunRecord& record);

// Where the layer's weights come from, "layer 3 of models/x"; "" of seeded ones.
std::string checkpoint_layer(const std::vector<ResolvedValue>& resolved);

// What must stand beside ratios: "warm" for small batches with cached weights; beside the MoE's own speed:
// the share of rows it computed where rows were dropped. Empty where it does not apply.
std::string warm_caveat(const RunRecord& record);
std::string rows_caveat(const RunRecord& record);
// Both, in a sentence.
std::string ratio_caveat(const RunRecord& record);

// What to type next; `program` as the user types it.
std::string next_step(const RunRecord& record, const std::string& program);

}  // namespace moesim
