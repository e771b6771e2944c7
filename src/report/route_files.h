#pragma once
// What `moesim route` leaves behind: arrays that any program can read, and one JSON file about them. Names,
// types and shapes: docs/formats.md.

#include <string>

#include "engine/route.h"

namespace moesim {

// expert.npy, weight.npy, kept.npy (or dispatch.npy and combine.npy for soft routing) and route.json in
// `folder`, which is made where it is missing. All or nothing: every file is written beside its place before
// the first takes it. Throws Error(cannot_create) or Error(write_failed).
void write_route_files(const std::string& folder, const Policy& policy, const RouteResult& result);

// route.json as text, and the few lines a person reads after a route.
std::string route_json(const Policy& policy, const RouteResult& result);
std::string route_screen(const Policy& policy, const RouteResult& result);

}  // namespace moesim
