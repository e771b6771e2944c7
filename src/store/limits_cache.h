#pragma once
// Measured limits, kept for the next run: moesim/limits.json below XDG_CACHE_HOME, or below ~/.cache.

#include <optional>
#include <string>

#include "metrics/limits.h"

namespace moesim {

// "" where neither XDG_CACHE_HOME (an absolute path) nor HOME says where.
std::string limits_cache_path();

// What the limits were measured for. Those of another machine, program or number of threads say nothing.
struct LimitsKey {
  std::string processor, instructions, version;
  int threads = 1;
};

struct CachedLimits {
  std::optional<MachineLimits> limits;
  std::string problem;  // why there are none: "" where the file is simply not there
};
// Never throws: a file that is damaged, foreign or for another key is a problem in words.
CachedLimits read_cached_limits(const std::string& path, const LimitsKey& key);

// Whole or not at all. Throws Error(cannot_create, write_failed).
void write_cached_limits(const std::string& path, const MachineLimits& limits);

}  // namespace moesim
