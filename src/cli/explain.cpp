// moesim explain: the word in square brackets behind an error, or a metric, in plain language.

#include <fmt/format.h>

#include "cli/explanations.h"
#include "cli/session.h"
#include "config/suggest.h"
#include "core/error.h"
#include "io/files.h"

namespace moesim {
namespace {

std::string list_all() {
  std::string text = "moesim explain WORD, for one of these:\n";
  for (const Explanation& entry : explanations()) {
    text += fmt::format("  {}\n", entry.word);
  }
  return text;
}

}  // namespace

int explain_command(const std::string& word) {
  if (word.empty()) {
    write_stdout(list_all());
    return 0;
  }
  std::vector<std::string> known;
  for (const Explanation& entry : explanations()) {
    known.emplace_back(entry.word);
    if (entry.word == word) {
      write_stdout(fmt::format("{}\n  {}\n", entry.word, entry.text));
      return 0;
    }
  }
  const std::string near = suggest(word, known);
  throw Error(
      ErrorKind::usage,
      fmt::format(
          "moesim explain {0}: error: nothing is known as '{0}'; expected a word that `moesim explain` "
          "lists [unknown-variant]",
          word),
      near.empty() ? "" : fmt::format("did you mean '{}'?", near));
}

}  // namespace moesim
