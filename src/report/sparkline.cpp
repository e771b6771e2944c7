#include "report/sparkline.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace moesim {
namespace {

constexpr std::array<const char*, 8> kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<const char*, 8> kAscii = {"_", ".", ":", "-", "=", "+", "*", "#"};

}  // namespace

std::string sparkline(std::span<const double> values, double most, int width, bool unicode) {
  const std::array<const char*, 8>& signs = unicode ? kBlocks : kAscii;
  const std::size_t places = std::min(values.size(), static_cast<std::size_t>(std::max(0, width)));
  std::string line;
  for (std::size_t place = 0; place < places; ++place) {
    const std::size_t first = place * values.size() / places;
    const std::size_t last = (place + 1) * values.size() / places;
    double sum = 0;
    for (std::size_t i = first; i < last; ++i) {
      sum += values[i];
    }
    if (!std::isfinite(sum)) {
      line += " ";
      continue;
    }
    const double share = most > 0 ? sum / static_cast<double>(last - first) / most : 0;
    const double level = std::floor(share * static_cast<double>(signs.size()));
    line += signs[static_cast<std::size_t>(std::clamp(level, 0.0, static_cast<double>(signs.size() - 1)))];
  }
  return line;
}

}  // namespace moesim
