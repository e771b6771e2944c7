#pragma once
// Two routers on the same numbers, for people and for programs.

#include <string>

#include "engine/route_diff.h"

namespace moesim {

std::string render_route_diff(const RouteDiff& diff, const std::string& title_a, const std::string& title_b);
std::string route_diff_json(const RouteDiff& diff, const std::string& title_a, const std::string& title_b);

}  // namespace moesim
