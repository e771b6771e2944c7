#pragma once
// Private to this room: one expert's load as a bar.

#include <cstdint>
#include <string>

namespace moesim {

struct Bar {
  std::uint64_t kept = 0;
  std::uint64_t routed = 0;
  std::uint64_t most = 1;  // of any expert: a full bar
  double fair = 0;
};

// kept as full blocks, dropped as light ones, a mark at the fair share.
std::string draw_bar(const Bar& bar, bool unicode);

}  // namespace moesim
