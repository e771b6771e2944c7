#pragma once
// Recorded routing, per token: one line for each assignment, columns step, layer, token, text, expert,
// weight, kept. `token` is the token's place in the workload's stream. Format: docs/formats.md.

#include <memory>
#include <string>

#include "engine/step.h"

namespace moesim {

class RoutingFile {
 public:
  // CSV when the name ends in .csv, else JSON Lines. Throws Error(cannot_create).
  RoutingFile(const std::string& path, const Workload& workload);
  ~RoutingFile();

  void add(Index step, const LayerEvent& event);
  void close();  // puts the file in its place, else there is none; throws Error(write_failed)

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace moesim
