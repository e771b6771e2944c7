#include "core/machine.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <string_view>

#include "core/control_groups.h"
#include "core/system_text.h"

namespace moesim {
namespace {

constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

// The text behind "key   :" in a file of such lines.
std::string find_field(const std::string& path, std::string_view key) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (std::string_view(line).substr(0, key.size()) == key) {
      const std::size_t colon = line.find(':');
      const std::size_t start = colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
      return start == std::string::npos ? "" : line.substr(start);
    }
  }
  return "";
}

std::uint64_t kilobytes_field(const std::string& path, std::string_view key) {
  return parse_leading_number(find_field(path, key)).value_or(0) * 1024;
}

// Data caches of the first core, as /sys has them; where it has none, the last level as the C library knows
// it.
std::vector<CacheLevel> data_caches(const std::string& root) {
  constexpr int kMost = 8;
  std::vector<CacheLevel> caches;
  for (int index = 0; index < kMost; ++index) {
    const std::string folder =
        root + "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/";
    const std::optional<std::uint64_t> bytes = parse_size(first_line(folder + "size"));
    if (bytes && *bytes > 0 && first_line(folder + "type") != "Instruction") {
      const std::uint64_t level = parse_leading_number(first_line(folder + "level")).value_or(0);
      caches.push_back({static_cast<int>(std::min<std::uint64_t>(level, kMost)), *bytes});
    }
  }
  if (caches.empty() && root.empty() && sysconf(_SC_LEVEL3_CACHE_SIZE) > 0) {
    caches.push_back({3, static_cast<std::uint64_t>(sysconf(_SC_LEVEL3_CACHE_SIZE))});
  }
  std::stable_sort(caches.begin(), caches.end(),
                   [](const CacheLevel& a, const CacheLevel& b) { return a.bytes < b.bytes; });
  return caches;
}

std::uint64_t address_space_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return kUnlimited;
  }
  return limit.rlim_cur;
}

// Cores the control groups grant, rounded up; no quota: the largest number.
int container_cores(const std::string& root) {
  const std::optional<double> quota = group_cores(root);
  constexpr int kMost = std::numeric_limits<int>::max();
  return quota && *quota < kMost ? std::max(1, static_cast<int>(std::ceil(*quota))) : kMost;
}

int usable_cores(const std::string& root) {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cores = static_cast<int>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    cores = std::max(1, CPU_COUNT(&set));
  }
  return std::min(cores, container_cores(root));
}

}  // namespace

MachineInfo read_machine(const std::string& root) {
  MachineInfo machine;
  machine.processor = find_field(root + "/proc/cpuinfo", "model name");
  machine.usable_cores = usable_cores(root);
  machine.caches = data_caches(root);
  machine.last_level_cache_bytes = machine.caches.empty() ? 0 : machine.caches.back().bytes;
  machine.memory_bytes = kilobytes_field(root + "/proc/meminfo", "MemTotal");
  const std::uint64_t available = kilobytes_field(root + "/proc/meminfo", "MemAvailable");
  const std::uint64_t free_to_us =
      std::min({available == 0 ? kUnlimited : available, group_memory_left(root).value_or(kUnlimited),
                address_space_limit()});
  machine.memory_limit_bytes = free_to_us == kUnlimited ? 0 : free_to_us / 10 * 8;
  return machine;
}

std::uint64_t peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace moesim
