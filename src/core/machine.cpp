#include "core/machine.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>

namespace moesim {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::optional<std::uint64_t> leading_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() ? std::optional(value) : std::nullopt;
}

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
  return leading_number(find_field(path, key)).value_or(0) * 1024;
}

std::uint64_t last_level_cache(const std::string& root) {
  std::uint64_t largest = 0;
  for (int index = 0; index < 5; ++index) {
    const std::string size =
        first_line(root + "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/size");
    const std::uint64_t unit = size.find('M') != std::string::npos ? 1024 * 1024 : 1024;
    largest = std::max(largest, leading_number(size).value_or(0) * unit);
  }
  if (largest == 0 && root.empty()) {
    largest = static_cast<std::uint64_t>(std::max(0L, sysconf(_SC_LEVEL3_CACHE_SIZE)));
  }
  return largest;
}

// The container's own limit (cgroup version 2, then 1) less what it already uses; no limit: the largest number.
std::uint64_t container_memory_left(const std::string& root) {
  constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();
  const auto left = [&](const std::string& limit_file, const std::string& used_file) {
    const std::optional<std::uint64_t> limit = leading_number(first_line(root + limit_file));
    const std::uint64_t used = leading_number(first_line(root + used_file)).value_or(0);
    return limit ? *limit - std::min(*limit, used) : kNone;
  };
  return std::min(left("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
                  left("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"));
}

std::uint64_t address_space_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::numeric_limits<std::uint64_t>::max();
  }
  return limit.rlim_cur;
}

int usable_cores(const std::string& root) {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cores = static_cast<int>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    cores = std::max(1, CPU_COUNT(&set));
  }
  std::istringstream quota(first_line(root + "/sys/fs/cgroup/cpu.max"));
  double allowed = 0;
  double period = 0;
  if (quota >> allowed >> period && period > 0 && allowed > 0) {  // "max 100000" fails to read as a number
    cores = std::min(cores, std::max(1, static_cast<int>(std::ceil(allowed / period))));
  }
  return cores;
}

}  // namespace

MachineInfo read_machine(const std::string& root) {
  MachineInfo machine;
  machine.processor = find_field(root + "/proc/cpuinfo", "model name");
  machine.usable_cores = usable_cores(root);
  machine.last_level_cache_bytes = last_level_cache(root);
  machine.memory_bytes = kilobytes_field(root + "/proc/meminfo", "MemTotal");
  const std::uint64_t available = kilobytes_field(root + "/proc/meminfo", "MemAvailable");
  const std::uint64_t free_to_us =
      std::min({available == 0 ? std::numeric_limits<std::uint64_t>::max() : available,
                container_memory_left(root), address_space_limit()});
  machine.memory_limit_bytes = free_to_us / 10 * 8;
  return machine;
}

std::uint64_t peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace moesim
