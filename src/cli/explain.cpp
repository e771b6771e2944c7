// moesim explain: the word in square brackets behind an error, or a metric, in plain language.

#include <fmt/format.h>

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
      "moesim explain WORD, for any key of a config (layer.d_ff, top_k), for all keys (config), or one of "
      "these:\n";
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

// A key of the config ("layer.d_ff", "top_k") in every section that has it; empty when none does.
std::string explain_key(const std::string& word) {
  std::string text;
  for (const SectionInfo& section : config_sections()) {
    const std::string room = section.path.substr(0, section.path.find(' '));
    for (const FieldInfo& field : section.fields) {
      if (word == field.name || word == room + "." + field.name) {
        text += fmt::format("{}{}{}\n  {}; expected {}; default {}\n", section.path,
                            section.path.empty() ? "" : ": ", field.name, field.doc, field.expected,
                            field.required ? "none: must be given" : field.default_text);
      }
    }
  }
  return text;
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
  std::vector<std::string> known;
  for (const Explanation& entry : explanations()) {
    known.emplace_back(entry.word);
    if (entry.word == plain) {
      write_stdout(fmt::format("{}\n  {}\n", entry.word, entry.text));
      return 0;
    }
  }
  const std::string key = explain_key(plain);
  if (!key.empty()) {
    write_stdout(key);
    return 0;
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
