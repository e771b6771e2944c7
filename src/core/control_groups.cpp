#include "core/control_groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "core/system_text.h"

namespace moesim {
namespace {

// Where this process stands in the tree of control groups of one controller: "/user.slice/job", or "" for the
// root and where the system does not say.
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

template <class T>
void take_smaller(std::optional<T>& smallest, const std::optional<T>& value) {
  if (value && (!smallest || *value < *smallest)) {
    smallest = value;
  }
}

// visit(limit, used, reclaimable) for every group that has a limit.
template <class Visit>
void for_each_memory_limit(const std::string& root, const Visit& visit) {
  const auto consider = [&visit](const std::string& limit_file, const std::string& used_file,
                                 const std::string& stat_file, const std::string& reclaimable) {
    if (const std::optional<std::uint64_t> limit = parse_leading_number(first_line(limit_file))) {
      visit(*limit, parse_leading_number(first_line(used_file)).value_or(0),
            parse_counter(small_file(stat_file), reclaimable).value_or(0));
    }
  };
  for_each_control_group(root, "", [&](const std::string& folder) {
    consider(folder + "/memory.max", folder + "/memory.current", folder + "/memory.stat", "inactive_file");
  });
  for_each_control_group(root, "memory", [&](const std::string& folder) {
    consider(folder + "/memory.limit_in_bytes", folder + "/memory.usage_in_bytes", folder + "/memory.stat",
             "total_inactive_file");
  });
}

}  // namespace

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

void for_each_control_group(const std::string& root, const std::string& controller,
                            const std::function<void(const std::string& folder)>& visit) {
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

std::optional<std::uint64_t> group_memory_left(const std::string& root) {
  std::optional<std::uint64_t> left;
  for_each_memory_limit(root, [&](std::uint64_t limit, std::uint64_t used, std::uint64_t reclaimable) {
    const std::uint64_t kept = used - std::min(used, reclaimable);
    take_smaller(left, std::optional(limit - std::min(limit, kept)));
  });
  return left;
}

std::optional<std::uint64_t> group_memory_limit(const std::string& root) {
  std::optional<std::uint64_t> smallest;
  constexpr std::uint64_t kUnlimited = std::uint64_t{1} << 62;  // version 1 writes 2⁶³ less a page
  for_each_memory_limit(root, [&](std::uint64_t limit, std::uint64_t, std::uint64_t) {
    if (limit < kUnlimited) {
      take_smaller(smallest, std::optional(limit));
    }
  });
  return smallest;
}

std::optional<double> group_cores(const std::string& root) {
  std::optional<double> cores;
  for_each_control_group(root, "", [&](const std::string& folder) {
    take_smaller(cores, parse_quota(first_line(folder + "/cpu.max")));
  });
  for_each_control_group(root, "cpu", [&](const std::string& folder) {
    take_smaller(cores, parse_quota(first_line(folder + "/cpu.cfs_quota_us") + " " +
                                    first_line(folder + "/cpu.cfs_period_us")));
  });
  return cores;
}

std::optional<std::uint64_t> group_throttled_periods(const std::string& root) {
  std::optional<std::uint64_t> most;
  for (const char* controller : {"", "cpu"}) {
    for_each_control_group(root, controller, [&](const std::string& folder) {
      const std::optional<std::uint64_t> here =
          parse_counter(small_file(folder + "/cpu.stat"), "nr_throttled");
      if (here && (!most || *here > *most)) {
        most = here;
      }
    });
  }
  return most;
}

}  // namespace moesim
