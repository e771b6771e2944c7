#pragma once
// What this binary is: printed by --version and stored in every record.

#include <string>

namespace moesim {

struct BuildInfo {
  std::string version;
  std::string revision;    // short commit, or "unknown"
  std::string compiler;    // "gcc 12.2.0"
  std::string build_type;  // "Release"
  std::string arch;        // what -march was given, or "default"
  std::string sanitizers;  // "" for none
  std::string eigen;       // library versions
  std::string tbb;
  bool checks = false;  // contracts checked on every call
  bool optimised = false;

  // A build whose times mean something.
  bool fit_to_measure() const { return optimised && sanitizers.empty() && !checks; }
};

BuildInfo build_info();

// False when this processor lacks the instructions the binary was compiled for; `missing` then names one.
bool processor_can_run(std::string& missing);

}  // namespace moesim
