// moesim explain: a word that the program prints or reads, in plain language.

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "cli/catalogue_words.h"
#include "cli/explanations.h"
#include "cli/session.h"
#include "config/suggest.h"
#include "core/error.h"
#include "core/text.h"
#include "engine/experiment.h"
#include "io/files.h"
#include "report/config_reference.h"
#include "report/numbers.h"

namespace moesim {
namespace {

constexpr int kWidth = 100;
constexpr std::ptrdiff_t kMostDots = 8;  // of a name that has explained parts; the search doubles with each

// "전문가 (expert)", or "expert": what an entry is headed with and listed as.
std::string heading_of(const Explanation& entry, Language language) {
  return language == Language::en || entry.korean.empty() ? std::string(entry.word)
                                                          : fmt::format("{} ({})", entry.korean, entry.word);
}

std::string block_of(const Explanation& entry, Language language) {
  const std::string_view text = language == Language::en ? entry.en : entry.ko;
  return fmt::format("{}\n{}\n", heading_of(entry, language), fold_words(text, kWidth, "  "));
}

std::string list_all(Language language) {
  std::string text =
      language == Language::en
          ? "moesim explain WORD, for any section or key of a config (layer, layer.d_ff, top_k), all of "
            "them\n"
            "(config), any router, preset, loss, controller, capacity formula or drop rule, or one of these\n"
            "words (--lang ko: in Korean):\n"
          : "moesim explain 낱말 --lang ko: 아래 낱말을 우리말로 설명합니다. 영어로도 한글로도 찾을 수 "
            "있습니다.\n"
            "설정의 섹션과 키(layer, layer.d_ff, top_k; 모두 보려면 config), 라우터, 프리셋, 손실, 제어기,\n"
            "용량 식, 버림 규칙의 설명은 영어로 나옵니다.\n";
  for (const ExplanationTheme& theme : explanation_themes()) {
    std::string words;
    for (const Explanation& entry : theme.entries) {
      words += (words.empty() ? "" : ", ") + heading_of(entry, language);
    }
    text += fmt::format("\n{}\n{}\n", language == Language::en ? theme.en : theme.ko,
                        fold_words(words, kWidth, "  "));
  }
  return text;
}

// Without the brackets of an error, the "m." and "p." of a result, the "a." and "b." of a comparison.
std::string plain_word(std::string word) {
  if (word.size() > 2 && word.front() == '[' && word.back() == ']') {
    word = word.substr(1, word.size() - 2);
  }
  for (const char* prefix : {"a.m.", "b.m.", "m.", "p."}) {
    if (word.rfind(prefix, 0) == 0) {
      return word.substr(std::string(prefix).size());
    }
  }
  return word;
}

// As keys and presets are written: "Top K" is top_k.
std::string as_name(std::string word) {
  for (char& c : word) {
    c = c == ' ' || c == '-' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return word;
}

// The number of which a longer name gives a part: load_cv of processed.load_cv, tokens_per_s of
// dense_same_active.tokens_per_s.lo.
const Explanation* find_part(const std::string& name) {
  if (std::count(name.begin(), name.end(), '.') > kMostDots) {
    return nullptr;
  }
  if (const Explanation* whole = find_explanation(name)) {
    return whole;
  }
  const std::size_t last = name.rfind('.');
  const std::size_t first = name.find('.');
  if (last == std::string::npos) {
    return nullptr;
  }
  const Explanation* shorter = find_part(name.substr(0, last));
  const Explanation* later = find_part(name.substr(first + 1));
  return later != nullptr && name.compare(0, first, "noise_floor") != 0 ? later : shorter;
}

std::vector<std::string> blocks_of(const std::string& word, Language language) {
  if (word.empty()) {  // of "m."; in the catalogues that is the name of the top level
    return {};
  }
  std::vector<std::string> catalogues = explain_from_catalogues(word);
  if (catalogues.empty()) {
    catalogues = explain_from_catalogues(as_name(word));
  }
  std::vector<std::string> blocks;
  if (const Explanation* entry = find_explanation(word)) {
    blocks.push_back(block_of(*entry, language));
  } else if (catalogues.empty()) {
    const Explanation* part = find_part(as_name(word));
    const Explanation* group = find_explanation(as_name(word.substr(0, word.find('.'))));
    for (const Explanation* found : {part, group == part ? nullptr : group}) {
      if (found != nullptr) {
        blocks.push_back(block_of(*found, language));
      }
    }
  }
  blocks.insert(blocks.end(), catalogues.begin(), catalogues.end());
  return blocks;
}

Language language_of(const ExplainArguments& arguments, const std::string& word) {
  if (!arguments.language) {
    return has_hangul(word) ? Language::ko : Language::en;
  }
  return parse_choice_option("--lang", *arguments.language, {"en", "ko"}) == "ko" ? Language::ko
                                                                                  : Language::en;
}

std::vector<std::string> letters_of(const std::string& text) {
  std::vector<std::string> letters;
  for (std::size_t at = 0; at < text.size(); at += letters.back().size()) {
    letters.push_back(text.substr(at, static_cast<std::size_t>(std::max(1, decode_utf8(text, at).bytes))));
  }
  return letters;
}

// Each letter of `text` that `letters` holds as one byte, the same for the same letter; others as a byte that
// stands for none: a typing mistake in Hangul is one of a syllable, not of its three bytes.
std::string as_bytes(const std::string& text, const std::vector<std::string>& letters) {
  constexpr char kFirst = 1;
  constexpr char kOther = 127;
  std::string bytes;
  for (const std::string& letter : letters_of(text)) {
    const auto found = std::find(letters.begin(), letters.end(), letter);
    const auto place = static_cast<std::size_t>(found - letters.begin());
    bytes += found == letters.end() || place >= 30 ? kOther : static_cast<char>(kFirst + place);
  }
  return bytes;
}

std::string suggest_hangul(const std::string& word, const std::vector<std::string>& known) {
  const std::vector<std::string> letters = letters_of(word);
  if (letters.size() < 3) {  // two words of two syllables that share one are two words
    return "";
  }
  std::vector<std::string> candidates;
  for (const std::string& name : known) {
    candidates.push_back(as_bytes(name, letters));
  }
  const std::string near = suggest(as_bytes(word, letters), candidates);
  const auto at = std::find(candidates.begin(), candidates.end(), near);
  return near.empty() ? "" : known[static_cast<std::size_t>(at - candidates.begin())];
}

[[noreturn]] void throw_unknown(const std::string& word, const std::string& plain, Language language) {
  std::vector<std::string> known = catalogue_words();
  for (const Explanation& entry : explanations()) {
    for (std::string& name : names_of(entry)) {
      known.push_back(std::move(name));
    }
  }
  const std::string near = has_hangul(plain) ? suggest_hangul(plain, known) : suggest(plain, known);
  if (language == Language::ko) {
    throw Error(
        ErrorKind::usage,
        fmt::format("moesim explain {0}: error: 모르는 낱말 '{0}'입니다; `moesim explain --lang ko`에 있는 "
                    "낱말이어야 합니다 [unknown-variant]",
                    display_safe(word)),
        near.empty() ? "'moesim explain --lang ko'가 낱말을 모두 보여 줍니다"
                     : fmt::format("'{}'입니까? 'moesim explain --lang ko'가 낱말을 모두 보여 줍니다", near));
  }
  throw Error(
      ErrorKind::usage,
      fmt::format(
          "moesim explain {0}: error: nothing is known as '{0}'; expected a word that `moesim explain` "
          "lists [unknown-variant]",
          display_safe(word)),
      near.empty() ? "'moesim explain' lists the words" : fmt::format("did you mean '{}'?", near));
}

}  // namespace

std::string explain_word(const std::string& word, Language language) {
  const std::string plain = plain_word(word);
  const std::vector<std::string> blocks = blocks_of(plain, language);
  if (blocks.empty()) {
    throw_unknown(word, plain, language);
  }
  return fmt::format("{}", fmt::join(blocks, ""));
}

int explain_command(const ExplainArguments& arguments) {
  const std::string word = fmt::format("{}", fmt::join(arguments.words, " "));
  const Language language = language_of(arguments, word);
  write_stdout(word.empty()       ? list_all(language)
               : word == "config" ? render_config_reference(config_sections())
                                  : explain_word(word, language));
  return 0;
}

}  // namespace moesim
