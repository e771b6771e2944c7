#pragma once
// Private to this room: the texts of /proc and /sys, taken apart (proc(5), cgroups(7)). Pure functions that
// trust nothing: what does not read as expected is not there.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace moesim {

// The first 64 KiB of a file of the system; "" where it cannot be read.
std::string small_file(const std::string& path);

std::optional<std::uint64_t> parse_leading_number(std::string_view text);

// The number behind "key " at the beginning of a line: "nr_throttled 12".
std::optional<std::uint64_t> parse_counter(std::string_view text, std::string_view key);

// "150000 100000": microseconds of processor time in a period of so many → 1.5 cores. "max 100000": none.
std::optional<double> parse_quota(std::string_view text);

// "48K", "32M" → bytes.
std::optional<std::uint64_t> parse_size(std::string_view text);

// "always [madvise] never" → "madvise"; "" where nothing is marked.
std::string parse_marked_word(std::string_view text);

// Ticks of all processors together since the start: the first line of /proc/stat.
struct CpuTimes {
  std::uint64_t total = 0;
  std::uint64_t idle = 0;   // waiting for disks included
  std::uint64_t steal = 0;  // wanted by us, given to another guest
};
std::optional<CpuTimes> parse_cpu_times(std::string_view text);

// "0.52 0.58 0.59 3/1234 4242": mean of runnable processes over the last minute, and how many run now.
struct LoadAverage {
  double last_minute = 0;
  std::uint64_t running = 0;
};
std::optional<LoadAverage> parse_load_average(std::string_view text);

// "some avg10=12.34 avg60=…": the share of the last 10 s in which something waited for a processor.
std::optional<double> parse_pressure(std::string_view text);

}  // namespace moesim
