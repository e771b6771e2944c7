#include "report/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"

namespace moesim {

std::string with_commas(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

std::string counted(std::uint64_t count, const std::string& thing) {
  return with_commas(count) + " " + thing + (count == 1 ? "" : "s");
}

std::string short_number(double value) {
  const double size = std::abs(value);
  if (size >= 1e12) {
    return fmt::format("{:.3g} T", value / 1e12);
  }
  if (size >= 1e9) {
    return fmt::format("{:.4g} G", value / 1e9);
  }
  if (size >= 1e6) {
    return fmt::format("{:.4g} M", value / 1e6);
  }
  if (size >= 1e4) {
    return fmt::format("{:.4g}k", value / 1e3);
  }
  return fmt::format("{:.4g}", value);
}

std::string short_bytes(double bytes) {
  const char* const kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes >= 1024.0 && unit < 4) {
    bytes /= 1024.0;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string short_seconds(double seconds) {
  if (seconds >= 1.0) {
    return fmt::format("{:.3g} s", seconds);
  }
  return seconds >= 1e-3 ? fmt::format("{:.3g} ms", seconds * 1e3) : fmt::format("{:.3g} µs", seconds * 1e6);
}

std::string duration(double seconds) {
  if (!(seconds >= 1)) {
    return "under 1 s";
  }
  const auto whole = static_cast<long long>(std::min(std::round(seconds), 1e15));
  if (whole < 60) {
    return fmt::format("{} s", whole);
  }
  return whole < 3600 ? fmt::format("{} min {} s", whole / 60, whole % 60)
                      : fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

std::string percent(double fraction) {
  const double p = 100.0 * fraction;
  return p != 0 && std::abs(p) < 10 ? fmt::format("{:.1f} %", p) : fmt::format("{:.0f} %", p);
}

std::string shorten_text(const std::string& text, std::size_t length) {
  if (display_width(text) <= static_cast<int>(length)) {
    return text;
  }
  std::string cut = pad_to(text, static_cast<int>(length) - 1);
  return cut.substr(0, cut.find_last_not_of(' ') + 1) + "…";
}

std::string pad_to(const std::string& text, int width) {
  std::string result;
  std::size_t at = 0;
  int used = 0;
  while (at < text.size()) {
    const CodePoint c = decode_utf8(text, at);
    const std::size_t bytes = c.bytes == 0 ? 1 : static_cast<std::size_t>(c.bytes);
    const int columns = display_width(std::string_view(text).substr(at, bytes));
    if (used + columns > width) {
      break;
    }
    result.append(text, at, bytes);
    used += columns;
    at += bytes;
  }
  return result + std::string(static_cast<std::size_t>(width - used), ' ');
}

std::string pad_left(const std::string& text, int width) {
  const int columns = display_width(text);
  return columns >= width ? text : std::string(static_cast<std::size_t>(width - columns), ' ') + text;
}

std::string fold_words(std::string_view text, int width, const std::string& indent) {
  std::string folded;
  std::string line = indent;
  bool empty = true;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t space = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, space - at);
    if (!empty && display_width(line) + 1 + display_width(word) > width) {
      folded += line + "\n";
      line = indent;
      empty = true;
    }
    line.append(empty ? "" : " ").append(word);
    empty = false;
    at = space + 1;
  }
  return folded + line;
}

}  // namespace moesim
