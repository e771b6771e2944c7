#include "core/machine_state.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "core/control_groups.h"
#include "core/system_text.h"

namespace moesim {
namespace {

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double own_processor_seconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

// A word as the system writes it: nothing else is shown.
std::string plain_word(const std::string& line) {
  const std::size_t end = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz_-0123456789");
  return end == std::string::npos && line.size() <= 32 ? line : "";
}

}  // namespace

MachineState read_machine_state(const std::string& root) {
  MachineState state;
  state.online_cores = static_cast<int>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  cpu_set_t set;
  CPU_ZERO(&set);
  state.allowed_cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : state.online_cores;
  state.quota_cores = group_cores(root);
  state.throttled_periods = group_throttled_periods(root);
  state.group_memory_bytes = group_memory_limit(root);
  state.governor = plain_word(first_line(root + "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
  state.huge_pages =
      plain_word(parse_marked_word(small_file(root + "/sys/kernel/mm/transparent_hugepage/enabled")));
  const std::string smt = first_line(root + "/sys/devices/system/cpu/smt/active");
  state.smt = smt == "0" || smt == "1" ? std::optional(smt == "1") : std::nullopt;
  if (const std::optional<LoadAverage> load = parse_load_average(small_file(root + "/proc/loadavg"))) {
    state.load_average = load->last_minute;
  }
  state.cpu_pressure = parse_pressure(small_file(root + "/proc/pressure/cpu"));
  return state;
}

CpuWatch::CpuWatch(std::string root)
    : root_(std::move(root)), begun_(wall_seconds()), own_(own_processor_seconds()) {
  if (const std::optional<CpuTimes> times = parse_cpu_times(small_file(root_ + "/proc/stat"))) {
    total_ = times->total;
    idle_ = times->idle;
    steal_ = times->steal;
  }
}

std::optional<CpuUse> CpuWatch::end() const {
  const std::optional<CpuTimes> times = parse_cpu_times(small_file(root_ + "/proc/stat"));
  if (!times || !total_ || times->total <= *total_ || times->idle < *idle_ || times->steal < *steal_) {
    return std::nullopt;
  }
  const auto ticks = static_cast<double>(times->total - *total_);
  const auto idle = static_cast<double>(times->idle - *idle_);
  const auto steal = static_cast<double>(times->steal - *steal_);
  const double wall = std::max(1e-3, wall_seconds() - begun_);
  const auto per_second = static_cast<double>(std::max(1L, sysconf(_SC_CLK_TCK)));
  CpuUse use;
  use.steal = steal / ticks;
  use.others = std::max(0.0, (ticks - idle - steal) / per_second - (own_processor_seconds() - own_)) / wall;
  return use;
}

}  // namespace moesim
