#pragma once
// What moesim doctor prints for people.

#include <string>
#include <vector>

#include "metrics/fitness.h"
#include "metrics/limits.h"

namespace moesim {

std::string render_doctor(const FitnessInput& input, const std::vector<Finding>& findings);

// Peak, scaling, read speeds and a drawing of the roofline. `origin`: where the numbers come from.
std::string render_limits(const MachineLimits& limits, const std::string& origin);

}  // namespace moesim
