#pragma once
// Private to this room: the texts of `moesim explain`, in English and Korean, one table for each theme.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

struct Explanation {
  std::string_view word;    // as results, errors and configs have it
  std::string_view also;    // what else screens and papers call it, one name a '|': "MaxVio"
  std::string_view korean;  // its name in Korean; "" where Koreans write the word itself
  std::string_view en;
  std::string_view ko;
};

struct ExplanationTheme {
  std::string_view en;
  std::string_view ko;
  std::span<const Explanation> entries;
};

std::span<const ExplanationTheme> explanation_themes();

// Of all themes.
std::vector<Explanation> explanations();

// Every name under which an entry is found: the word itself, what else it is called, its Korean name.
std::vector<std::string> names_of(const Explanation& entry);

// The entry with that name, whatever the case and whether its parts are joined by blanks, '_', '-', commas
// or nothing; that of "expert" for "experts" or the other way round. nullptr: there is none.
const Explanation* find_explanation(std::string_view name);

enum class Language { en, ko };

// All that is known of a name: its entry in that language, and what the catalogues say, in English. Throws
// Error(usage) where that is nothing.
std::string explain_word(const std::string& word, Language language);

std::span<const Explanation> error_words();
std::span<const Explanation> layer_words();
std::span<const Explanation> balance_words();
std::span<const Explanation> cost_words();
std::span<const Explanation> model_words();
std::span<const Explanation> time_words();
std::span<const Explanation> machine_words();
std::span<const Explanation> screen_words();

// UTF-8 of U+AC00 … U+D7A3.
constexpr bool has_hangul(std::string_view text) {
  for (std::size_t i = 0; i + 2 < text.size(); ++i) {
    const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[i + k]); };
    if ((byte(0) & 0xF0) == 0xE0) {
      const int value = (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
      if (value >= 0xAC00 && value <= 0xD7A3) {
        return true;
      }
    }
  }
  return false;
}

// Each table asserts it: no entry is without one of its two texts, and neither stands in the other's place.
template <std::size_t N>
constexpr bool are_bilingual(const Explanation (&table)[N]) {
  for (const Explanation& entry : table) {
    if (entry.word.empty() || entry.en.empty() || has_hangul(entry.en) || !has_hangul(entry.ko)) {
      return false;
    }
  }
  return true;
}

}  // namespace moesim
