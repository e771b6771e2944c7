#pragma once
// How a machine is set up and what it is doing, as far as measured times depend on it. What the system does
// not say is nullopt or "".

#include <cstdint>
#include <optional>
#include <string>

namespace moesim {

struct MachineState {
  int online_cores = 0;
  int allowed_cores = 0;                   // of this process (affinity)
  std::optional<double> quota_cores = {};  // processor time that the control groups grant
  std::optional<std::uint64_t> throttled_periods = {};
  std::optional<std::uint64_t> group_memory_bytes = {};
  std::string governor = {};                // of the first core's frequency
  std::string huge_pages = {};              // transparent ones: always, madvise, never
  std::optional<bool> smt = {};             // two threads share a core
  std::optional<double> load_average = {};  // runnable processes, mean of the last minute
  std::optional<double> cpu_pressure = {};  // share of the last 10 s in which something waited for a core
};

// `root` is where /proc and /sys are looked for: "" for the real ones, a folder in tests.
MachineState read_machine_state(const std::string& root = "");

// Who had the processors from begin() to end(), while this process worked.
struct CpuUse {
  double steal = 0;   // share of the time of all cores that another guest had while we wanted it
  double others = 0;  // cores that other processes used
};
class CpuWatch {
 public:
  explicit CpuWatch(std::string root = "");  // begins
  std::optional<CpuUse> end() const;

 private:
  std::string root_;
  double begun_ = 0;  // wall seconds
  double own_ = 0;    // processor seconds of this process
  std::optional<std::uint64_t> total_, idle_, steal_;
};

}  // namespace moesim
