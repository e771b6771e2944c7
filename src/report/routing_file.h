#pragma once
// Recorded routing, per token: one line for each assignment, columns step, layer, token, text, expert,
// weight, kept; or the same in compact binary, with vocabulary id and sequence in place of the text. `token`
// is the token's place in the workload's stream. Format: docs/formats.md.

#include <memory>
#include <string>

#include "engine/step.h"

namespace moesim {

class RoutingFile {
 public:
  // CSV when the name ends in .csv, compact binary when it ends in .moer, else JSON Lines. Throws
  // Error(cannot_create).
  RoutingFile(const std::string& path, const Workload& workload, Index num_experts);
  ~RoutingFile();

  void add(Index step, const LayerEvent& event);
  void close();  // puts the file in its place, else there is none; throws Error(write_failed)

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace moesim
