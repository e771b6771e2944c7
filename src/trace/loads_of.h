#pragma once
// What a recording's layers leave behind when their tokens are forgotten: entries for the router family
// `drawn`.

#include <string>
#include <vector>

#include "router/loads.h"
#include "trace/summary.h"

namespace moesim {

// One for each layer that anybody was sent to, called model/domain/layer in lower case; a part that the file
// does not say is "all". `source` of the recording; "": what it says itself. Persistence is known where there
// are neighbours.
std::vector<MeasuredLoads> loads_of(const TraceSummary& summary, const std::string& source);

}  // namespace moesim
