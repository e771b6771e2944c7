#pragma once
// Private to this room: the part of check_plan that is about capacities.

#include <string>

#include "dispatch/plan.h"

namespace moesim {

// "expert 3"
std::string plan_text(const char* what, Index number);

// No place holds more than its room but for exempt rows; a place that dropped is full, one that was
// outranked is not. The rest of check_plan has passed; plan.room is there.
void check_room(const DispatchPlan& plan, const Assignments& assignments);

}  // namespace moesim
