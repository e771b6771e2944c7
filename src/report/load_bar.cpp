#include "report/load_bar.h"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

constexpr int kBarWidth = 40;

}  // namespace

std::string draw_bar(const Bar& bar, bool unicode) {
  const auto cells = [&](double count) {
    return static_cast<int>(std::lround(count / static_cast<double>(bar.most) * kBarWidth));
  };
  const int kept = cells(static_cast<double>(bar.kept));
  const int routed = cells(static_cast<double>(bar.routed));
  const int fair = std::min(kBarWidth - 1, cells(bar.fair));
  std::string text;
  for (int i = 0; i < kBarWidth; ++i) {
    if (i == fair) {
      text += unicode ? "│" : "|";
    } else if (i < kept) {
      text += unicode ? "█" : "#";
    } else if (i < routed) {
      text += unicode ? "░" : "x";
    } else {
      text += " ";
    }
  }
  return text;
}

}  // namespace moesim
