#pragma once
// What `moesim inspect` says of a checkpoint.

#include <string>

#include "models/inspect.h"

namespace moesim {

struct InspectReport {
  const MoeCheckpoint& checkpoint;
  std::string folder;  // as typed
  const Inspection& found;
  bool all_norms = false;
};

std::string inspect_screen(const InspectReport& report);
std::string inspect_json(const InspectReport& report);

}  // namespace moesim
