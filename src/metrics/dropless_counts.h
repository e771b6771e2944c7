#pragma once
// The counts of a layer without a plan, where nothing is dropped or moved: for those who only count.

#include "metrics/step_record.h"

namespace moesim {

// As count_layer() of a dropless plan.
LayerCounts count_dropless_layer(const Assignments& assignments, const ExpertBank& bank);

}  // namespace moesim
