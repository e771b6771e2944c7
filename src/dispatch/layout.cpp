#include "dispatch/layout.h"

#include <algorithm>

#include "core/error.h"

namespace moesim {
namespace {

double rows_in_blocks(std::span<const std::uint64_t> loads, std::uint64_t block) {
  double rows = 0;
  for (const std::uint64_t load : loads) {
    const std::uint64_t blocks = load / block + (load % block == 0 ? 0 : 1);
    rows += static_cast<double>(blocks) * static_cast<double>(block);
  }
  return rows;
}

}  // namespace

double layout_rows(const LayoutInput& input) {
  const auto experts = static_cast<double>(input.loads.size());
  const std::uint64_t most =
      input.loads.empty() ? 0 : *std::max_element(input.loads.begin(), input.loads.end());
  switch (input.layout) {
    case Layout::to_largest:
      return experts * static_cast<double>(most);
    case Layout::to_capacity:
      MOESIM_CHECK(input.size >= 0 && most <= static_cast<std::uint64_t>(input.size),
                   "a load above the capacity it is padded to");
      return experts * static_cast<double>(input.size);
    case Layout::in_blocks:
      MOESIM_CHECK(input.size >= 1, "blocks without rows");
      return rows_in_blocks(input.loads, static_cast<std::uint64_t>(input.size));
  }
  throw_internal(__FILE__, __LINE__, "an unknown layout");
}

double padding_waste(double held, double used) {
  return used == 0 ? 0.0 : (held - used) / used;
}

}  // namespace moesim
