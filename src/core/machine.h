#pragma once
// What this machine is and how much of it we may use. Everything is read from the operating system; what it
// does not say is 0 or "".

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

struct CacheLevel {
  int level = 0;  // 0: not said
  std::uint64_t bytes = 0;
};

struct MachineInfo {
  std::string processor;  // model name
  int usable_cores = 1;   // affinity and the container's quota considered
  std::uint64_t last_level_cache_bytes = 0;
  std::uint64_t memory_bytes = 0;        // installed
  std::uint64_t memory_limit_bytes = 0;  // what a run may ask for: 0.8 × what is free to us
  std::vector<CacheLevel> caches;        // of one core, data, smallest first
};

// `root` is where /proc and /sys are looked for: "" for the real ones, a folder in tests.
MachineInfo read_machine(const std::string& root = "");

std::uint64_t peak_rss_bytes();

}  // namespace moesim
