#include "core/machine.h"

#include <fmt/format.h>
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

constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

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

// Where this process stands in the tree of control groups of one controller ("" for version 2, whose one tree
// has all of them): "/user.slice/job", or "" for the root and where the system does not say (cgroups(7)).
std::string control_group(const std::string& root, std::string_view controller) {
  std::ifstream file(root + "/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {  // "4:cpu,cpuacct:/job", "0::/job"
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    if (controllers == ",,"
            ? controller.empty()
            : !controller.empty() && controllers.find(fmt::format(",{},", controller)) != std::string::npos) {
      const std::string path = line.substr(second + 1);
      return path == "/" || path.substr(0, 1) != "/" ? "" : path;
    }
  }
  return "";
}

// Calls visit(folder) for the control group of this process and all groups above it: each limits those below.
template <class Visit>
void for_each_control_group(const std::string& root, const std::string& controller, Visit visit) {
  const std::string tree = root + "/sys/fs/cgroup" + (controller.empty() ? "" : "/" + controller);
  std::string group = control_group(root, controller);
  while (true) {
    visit(tree + group);
    if (group.empty()) {
      return;
    }
    group.resize(group.rfind('/'));
  }
}

// The number behind "key " in a file of such lines.
std::uint64_t spaced_field(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  std::string word;
  std::uint64_t value = 0;
  while (file >> word >> value) {
    if (word == key) {
      return value;
    }
  }
  return 0;
}

// What the control groups still allow (version 2, then 1): the limit less what is in use, where file pages
// that the kernel would give back count as free. No limit: the largest number.
std::uint64_t container_memory_left(const std::string& root) {
  std::uint64_t left = kUnlimited;
  const auto consider = [&left](const std::string& limit_file, const std::string& used_file,
                                std::uint64_t reclaimable) {
    if (const std::optional<std::uint64_t> limit = leading_number(first_line(limit_file))) {
      const std::uint64_t used = leading_number(first_line(used_file)).value_or(0);
      const std::uint64_t kept = used - std::min(used, reclaimable);
      left = std::min(left, *limit - std::min(*limit, kept));
    }
  };
  for_each_control_group(root, "", [&](const std::string& folder) {
    consider(folder + "/memory.max", folder + "/memory.current",
             spaced_field(folder + "/memory.stat", "inactive_file"));
  });
  for_each_control_group(root, "memory", [&](const std::string& folder) {
    consider(folder + "/memory.limit_in_bytes", folder + "/memory.usage_in_bytes",
             spaced_field(folder + "/memory.stat", "total_inactive_file"));
  });
  return left;
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
  int cores = std::numeric_limits<int>::max();
  const auto consider = [&cores](const std::string& numbers) {
    std::istringstream stream(numbers);
    double allowed = 0;
    double period = 0;
    if (stream >> allowed >> period && allowed > 0 && period > 0 && allowed / period < cores) {
      cores = std::max(1, static_cast<int>(std::ceil(allowed / period)));
    }
  };
  for_each_control_group(root, "", [&](const std::string& folder) {
    consider(first_line(folder + "/cpu.max"));  // "150000 100000"; "max 100000" does not read as a number
  });
  for_each_control_group(root, "cpu", [&](const std::string& folder) {
    consider(first_line(folder + "/cpu.cfs_quota_us") + " " + first_line(folder + "/cpu.cfs_period_us"));
  });
  return cores;
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
  machine.last_level_cache_bytes = last_level_cache(root);
  machine.memory_bytes = kilobytes_field(root + "/proc/meminfo", "MemTotal");
  const std::uint64_t available = kilobytes_field(root + "/proc/meminfo", "MemAvailable");
  const std::uint64_t free_to_us =
      std::min({available == 0 ? kUnlimited : available, container_memory_left(root), address_space_limit()});
  machine.memory_limit_bytes = free_to_us == kUnlimited ? 0 : free_to_us / 10 * 8;
  return machine;
}

std::uint64_t peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace moesim
