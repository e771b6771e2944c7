#pragma once
// What `moesim route` leaves behind: arrays that any program can read, and one JSON file about them. Names,
// types and shapes: docs/formats.md.

#include <string>

#include "engine/route.h"

namespace moesim {

struct RoutedFiles {
  const Policy& policy;
  const RouteFiles& inputs;
  const RouteResult& result;
};

// expert.npy, weight.npy, kept.npy (or dispatch.npy and combine.npy for soft routing) and route.json in
// `folder`, which is made where it is missing. All or nothing: every file is written beside its place before
// the first takes it. Throws Error(cannot_create) or Error(write_failed).
// Arrays of the other kind that an earlier route left there are removed.
void write_route_files(const std::string& folder, const RoutedFiles& routed);

// route.json as text, and the few lines a person reads after a route.
std::string route_json(const RoutedFiles& routed);
std::string route_screen(const Policy& policy, const RouteResult& result);

}  // namespace moesim
