// moesim explain: a word that the program prints or reads, in plain language.

#include <fmt/format.h>

#include "cli/catalogue_words.h"
#include "cli/explanations.h"
#include "cli/session.h"
#include "config/suggest.h"
#include "core/error.h"
#include "core/text.h"
#include "engine/experiment.h"
#include "io/files.h"
#include "report/config_reference.h"

namespace moesim {
namespace {

std::string list_all() {
  std::string text =
      "moesim explain WORD, for any section or key of a config (layer, layer.d_ff, top_k), all of them "
      "(config),\n"
      "any router, preset, loss, controller, capacity formula or drop rule, or one of these:\n";
  for (const Explanation& entry : explanations()) {
    text += fmt::format("  {}\n", entry.word);
  }
  return text;
}

// Without the brackets of an error and the "m." of a result.
std::string plain_word(std::string word) {
  if (word.size() > 2 && word.front() == '[' && word.back() == ']') {
    word = word.substr(1, word.size() - 2);
  }
  return word.rfind("m.", 0) == 0 ? word.substr(2) : word;
}

// As names are written: "load CV" is load_cv.
std::string as_name(std::string word) {
  for (char& c : word) {
    c = c == ' ' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return word;
}

const Explanation* find_explanation(const std::string& word) {
  for (const Explanation& entry : explanations()) {
    if (word == entry.word || word == as_name(std::string(entry.shown))) {
      return &entry;
    }
  }
  return nullptr;
}

// The number of which a longer name gives a part: load_cv of processed.load_cv, tokens_per_s of
// dense_same_active.tokens_per_s.lo.
const Explanation* find_part(const std::string& name) {
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

}  // namespace

int explain_command(const std::string& word) {
  if (word.empty()) {
    write_stdout(list_all());
    return 0;
  }
  if (word == "config") {
    write_stdout(render_config_reference(config_sections()));
    return 0;
  }
  const std::string plain = plain_word(word);
  std::vector<std::string> blocks = explain_from_catalogues(plain);
  const Explanation* entry = find_explanation(as_name(plain));
  if (entry == nullptr && blocks.empty()) {
    entry = find_part(as_name(plain));
    const Explanation* group = find_explanation(as_name(plain.substr(0, plain.find('.'))));
    if (group != nullptr && group != entry) {
      blocks.push_back(fmt::format("{}\n  {}\n", group->word, group->text));
    }
  }
  if (entry != nullptr) {
    blocks.insert(blocks.begin(), fmt::format("{}\n  {}\n", entry->word, entry->text));
  }
  if (!blocks.empty()) {
    write_stdout(fmt::format("{}", fmt::join(blocks, "")));
    return 0;
  }
  std::vector<std::string> known = catalogue_words();
  for (const Explanation& explanation : explanations()) {
    known.emplace_back(explanation.word);
    known.emplace_back(explanation.shown);
  }
  const std::string near = suggest(plain, known);
  throw Error(
      ErrorKind::usage,
      fmt::format(
          "moesim explain {0}: error: nothing is known as '{0}'; expected a word that `moesim explain` "
          "lists [unknown-variant]",
          display_safe(word)),
      near.empty() ? "" : fmt::format("did you mean '{}'?", near));
}

}  // namespace moesim
