#include "core/system_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <vector>

namespace moesim {
namespace {

constexpr std::size_t kMostBytes = std::size_t{64} << 10;

std::string_view line_at(std::string_view text, std::size_t begin) {
  return text.substr(begin, text.find('\n', begin) - begin);
}

// The words of a line, at most 32 of them.
std::vector<std::string_view> words_of(std::string_view line) {
  constexpr std::size_t kMost = 32;
  constexpr std::string_view kSpace = " \t";
  std::vector<std::string_view> words;
  std::size_t begin = line.find_first_not_of(kSpace);
  while (begin != std::string_view::npos && words.size() < kMost) {
    const std::size_t end = std::min(line.find_first_of(kSpace, begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    begin = line.find_first_not_of(kSpace, end);
  }
  return words;
}

std::optional<std::uint64_t> whole(std::string_view word) {
  std::uint64_t value = 0;
  const auto result = std::from_chars(word.data(), word.data() + word.size(), value);
  return result.ec == std::errc() && result.ptr == word.data() + word.size() ? std::optional(value)
                                                                             : std::nullopt;
}

// A plain decimal number that is not negative.
std::optional<double> decimal(std::string_view word) {
  if (word.empty() || word.size() > 32 || word.find_first_not_of("0123456789.") != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string copy(word);
  char* end = nullptr;
  const double value = std::strtod(copy.c_str(), &end);
  return end == copy.c_str() + copy.size() && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

bool add_up(std::uint64_t& sum, std::uint64_t more) {
  return !__builtin_add_overflow(sum, more, &sum);
}

}  // namespace

std::string small_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMostBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

std::optional<std::uint64_t> parse_leading_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() ? std::optional(value) : std::nullopt;
}

std::optional<std::uint64_t> parse_counter(std::string_view text, std::string_view key) {
  for (std::size_t at = 0; at < text.size(); at += line_at(text, at).size() + 1) {
    const std::vector<std::string_view> words = words_of(line_at(text, at));
    if (words.size() == 2 && words[0] == key) {
      return whole(words[1]);
    }
  }
  return std::nullopt;
}

std::optional<double> parse_quota(std::string_view text) {
  const std::vector<std::string_view> words = words_of(line_at(text, 0));
  if (words.size() != 2) {
    return std::nullopt;
  }
  const std::optional<double> allowed = decimal(words[0]);
  const std::optional<double> period = decimal(words[1]);
  if (!allowed || !period || *allowed <= 0 || *period <= 0) {
    return std::nullopt;
  }
  return *allowed / *period;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const std::vector<std::string_view> words = words_of(line_at(text, 0));
  if (words.size() != 1) {
    return std::nullopt;
  }
  std::string_view word = words[0];
  std::uint64_t unit = 1;
  if (word.back() == 'K' || word.back() == 'M' || word.back() == 'G') {
    unit = word.back() == 'K' ? 1024 : word.back() == 'M' ? 1024 * 1024 : 1024 * 1024 * 1024;
    word.remove_suffix(1);
  }
  const std::optional<std::uint64_t> value = whole(word);
  std::uint64_t bytes = 0;
  if (!value || __builtin_mul_overflow(*value, unit, &bytes)) {
    return std::nullopt;
  }
  return bytes;
}

std::string parse_marked_word(std::string_view text) {
  for (const std::string_view word : words_of(line_at(text, 0))) {
    if (word.size() > 2 && word.front() == '[' && word.back() == ']') {
      return std::string(word.substr(1, word.size() - 2));
    }
  }
  return "";
}

std::optional<CpuTimes> parse_cpu_times(std::string_view text) {
  // cpu user nice system idle iowait irq softirq steal guest guest_nice; guest time is part of user and nice.
  constexpr std::size_t kIdle = 4;
  constexpr std::size_t kWaiting = 5;
  constexpr std::size_t kSteal = 8;
  const std::vector<std::string_view> words = words_of(line_at(text, 0));
  if (words.size() < kIdle + 1 || words[0] != "cpu") {
    return std::nullopt;
  }
  CpuTimes times;
  for (std::size_t i = 1; i < words.size() && i <= kSteal; ++i) {
    const std::optional<std::uint64_t> ticks = whole(words[i]);
    if (!ticks || !add_up(times.total, *ticks)) {
      return std::nullopt;
    }
    times.idle += i == kIdle || i == kWaiting ? *ticks : 0;
    times.steal = i == kSteal ? *ticks : times.steal;
  }
  return times;
}

std::optional<LoadAverage> parse_load_average(std::string_view text) {
  const std::vector<std::string_view> words = words_of(line_at(text, 0));
  if (words.size() < 4) {
    return std::nullopt;
  }
  const std::optional<double> mean = decimal(words[0]);
  const std::optional<std::uint64_t> running = whole(words[3].substr(0, words[3].find('/')));
  if (!mean || !running) {
    return std::nullopt;
  }
  return LoadAverage{*mean, *running};
}

std::optional<double> parse_pressure(std::string_view text) {
  constexpr std::string_view kName = "avg10=";
  const std::vector<std::string_view> words = words_of(line_at(text, 0));
  if (words.size() < 2 || words[0] != "some" || words[1].substr(0, kName.size()) != kName) {
    return std::nullopt;
  }
  const std::optional<double> value = decimal(words[1].substr(kName.size()));
  return value && *value <= 100 ? std::optional(*value / 100) : std::nullopt;
}

}  // namespace moesim
