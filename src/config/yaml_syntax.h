#pragma once
// The YAML parser stops at its first syntax error with a few terse words; this says them plainly.

#include <optional>
#include <string>

#include "config/yaml_text.h"

namespace moesim {

struct SyntaxError {
  std::string message;     // the parser's
  std::size_t offset = 0;  // where it stopped
  // The innermost bracket that is open there, and the last quoted text if it goes over several lines.
  std::optional<std::size_t> bracket;
  std::optional<std::size_t> long_quote;
};

struct SyntaxWords {
  std::string what;
  std::string expected;
  std::string help;
};

// [yaml-syntax]
Diagnostic syntax_problem(const Location& where, SyntaxWords words);

Diagnostic explain_syntax(const SyntaxError& error, YamlText& text);

// Something stands at `offset` that neither continues nor follows what came before.
Diagnostic belongs_to_nothing(std::size_t offset, YamlText& text);

Diagnostic unclosed_quote(std::size_t offset, YamlText& text);

}  // namespace moesim
