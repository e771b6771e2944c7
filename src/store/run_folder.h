#pragma once
// Where results live: runs/<name>-…/ under the current folder or MOESIM_RUNS_DIR.

#include <string>

#include "io/descriptor.h"

namespace moesim {

std::string runs_directory();

// "mine-20261124-1403-1f9c2e7a": what a run's folder is called. Only letters, digits, '.', '_' and '-' of
// `name` are kept.
std::string run_folder_name(const std::string& name, const std::string& time, const std::string& id);
std::string sweep_folder_name(const std::string& name, const std::string& id);

std::string utc_now();    // 2026-11-24T14:03:07Z
std::string utc_stamp();  // 20261124-140307

// Held as long as a process writes into a folder; the system takes it away when the process dies. Throws
// Error(busy) when another process holds it, Error(cannot_create).
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder);

 private:
  Descriptor file_;
};

}  // namespace moesim
