#pragma once
// Private to this room: what the control groups of this process allow (cgroups(7)), version 2 and version 1.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace moesim {

// Calls visit(folder) for the control group of this process and all groups above it: each limits those below.
// `controller` is "" for version 2, whose one tree has all of them.
void for_each_control_group(const std::string& root, const std::string& controller,
                            const std::function<void(const std::string& folder)>& visit);

// What the groups still allow: the limit less what is in use, where file pages that the kernel would give
// back count as free.
std::optional<std::uint64_t> group_memory_left(const std::string& root);
// The smallest limit itself.
std::optional<std::uint64_t> group_memory_limit(const std::string& root);

// Processor time a second that the groups grant, in cores.
std::optional<double> group_cores(const std::string& root);

// Periods in which a group of ours had used up its processor time, since it was made.
std::optional<std::uint64_t> group_throttled_periods(const std::string& root);

std::string first_line(const std::string& path);

}  // namespace moesim
