// The nearest word. Distance: optimal string alignment (Damerau's edits, no part edited twice), in
// characters.
#include "config/suggest.h"

#include <algorithm>
#include <cstdlib>

#include "core/text.h"

namespace moesim {
namespace {

constexpr std::size_t kLongest = 64;  // characters; no key or variant of the program comes near
constexpr std::size_t kChoices = 12;
constexpr std::size_t kKeys = 16;      // of a section, all listed
constexpr std::size_t kSomeKeys = 10;  // of a longer one

std::u32string characters(std::string_view text) {
  std::u32string out;
  std::size_t offset = 0;
  while (offset < text.size() && out.size() <= kLongest) {
    const CodePoint c = decode_utf8(text, offset);
    out.push_back(c.bytes == 0 ? U'\ufffd' : c.value);
    offset += c.bytes == 0 ? 1 : static_cast<std::size_t>(c.bytes);
  }
  return out;
}

// Without case, with "_" for "-", without a final "s".
std::u32string simplified(std::u32string word) {
  for (char32_t& c : word) {
    c = c == U'-' ? U'_' : c >= U'A' && c <= U'Z' ? c + (U'a' - U'A') : c;
  }
  if (word.size() > 1 && word.back() == U's') {
    word.pop_back();
  }
  return word;
}

std::size_t distance(const std::u32string& a, const std::u32string& b) {
  std::vector<std::vector<std::size_t>> table(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        table[i][j] = i + j;
        continue;
      }
      const std::size_t replace = table[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      table[i][j] = std::min({replace, table[i - 1][j] + 1, table[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        table[i][j] = std::min(table[i][j], table[i - 2][j - 2] + 1);
      }
    }
  }
  return table[a.size()][b.size()];
}

// The first `most` in alphabetical order.
std::string sorted_list(std::vector<std::string> words, std::size_t most) {
  std::sort(words.begin(), words.end());
  words.resize(std::min(most, words.size()));
  std::string list;
  for (const std::string& word : words) {
    list += (list.empty() ? "" : ", ") + word;
  }
  return list;
}

}  // namespace

std::string suggest(std::string_view word, const std::vector<std::string>& candidates) {
  const std::u32string typed = characters(word);
  if (typed.empty() || typed.size() > kLongest) {
    return "";
  }
  const std::size_t limit = std::max<std::size_t>(1, typed.size() / 3);
  std::string best;
  std::size_t best_distance = limit + 1;
  for (const std::string& candidate : candidates) {
    const std::u32string other = characters(candidate);
    if (simplified(typed) == simplified(other)) {
      return candidate;
    }
    const std::size_t longer = std::max(typed.size(), other.size());
    if (longer - std::min(typed.size(), other.size()) > limit) {
      continue;
    }
    // A word in which every character would change is no misspelling.
    const std::size_t edits = distance(typed, other);
    if (edits < best_distance && edits < longer) {
      best = candidate;
      best_distance = edits;
    }
  }
  return best;
}

std::string list_choices(const std::vector<std::string>& choices) {
  return choices.size() > kChoices ? "" : sorted_list(choices, choices.size());
}

std::string list_keys(const std::vector<std::string>& keys, const std::string& section) {
  if (keys.size() <= kKeys) {
    return sorted_list(keys, keys.size());
  }
  return sorted_list(keys, kSomeKeys) + ", … (" + std::to_string(keys.size()) + " in all: 'moesim explain " +
         (section.empty() ? "config" : section) + "')";
}

std::string nearest_divisors(std::int64_t wanted, std::int64_t whole) {
  std::int64_t below = 1;
  std::int64_t above = whole;
  for (std::int64_t d = 1; d <= whole / d; ++d) {
    for (const std::int64_t divisor : {d, whole / d}) {
      if (whole % d == 0) {
        below = divisor <= wanted ? std::max(below, divisor) : below;
        above = divisor >= wanted ? std::min(above, divisor) : above;
      }
    }
  }
  return wanted > whole || below == above ? std::to_string(below)
                                          : std::to_string(below) + " or " + std::to_string(above);
}

}  // namespace moesim
