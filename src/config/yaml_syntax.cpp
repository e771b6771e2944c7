// Messages of yaml-cpp 0.7 (yaml-cpp/exceptions.h, namespace ErrorMsg) and what they mean to a person.
#include "config/yaml_syntax.h"

#include <string_view>
#include <utility>

namespace moesim {
namespace {

constexpr std::string_view kQuoteIt = "put a text that holds it in quotes";

std::string closing(char bracket) {
  return bracket == '{' ? "}" : "]";
}

std::string quoted_bracket(const YamlText& text, std::size_t offset) {
  return "'" + text.character(offset) + "'";
}

Diagnostic open_bracket(const SyntaxError& error, YamlText& text) {
  const std::size_t bracket = *error.bracket;
  const std::string close = closing(text.text()[bracket]);
  const std::size_t next = text.text().find_first_not_of(" \r\n\t", error.offset);
  if (next == std::string_view::npos) {
    return syntax_problem(text.at(bracket), {"the " + quoted_bracket(text, bracket) + " is never closed",
                                             "'" + close + "'", ""});
  }
  Diagnostic found = syntax_problem(
      text.at(error.offset),
      {"'" + text.character(error.offset) + "' is not expected here", "',' or '" + close + "'", ""});
  found.notes.emplace_back(text.at(bracket), "the " + quoted_bracket(text, bracket) + " stands here");
  return found;
}

Diagnostic closing_bracket(const SyntaxError& error, YamlText& text) {
  const std::string found = "'" + text.character(error.offset) + "'";
  if (!error.bracket) {
    return syntax_problem(text.at(error.offset),
                          {found + " closes nothing", "", "remove it, or put a text in quotes"});
  }
  const std::size_t bracket = *error.bracket;
  Diagnostic diagnostic =
      syntax_problem(text.at(error.offset), {found + " does not close the " + quoted_bracket(text, bracket),
                                             "'" + closing(text.text()[bracket]) + "'", ""});
  diagnostic.notes.emplace_back(text.at(bracket), "the " + quoted_bracket(text, bracket) + " stands here");
  return diagnostic;
}

SyntaxWords unexpected_character(const YamlText& text, std::size_t offset) {
  const std::string character = text.character(offset);
  if (character.empty()) {
    return {"the text ends too early", "a value", ""};
  }
  return {"a value cannot begin with '" + character + "'", "", "put the text in quotes"};
}

SyntaxWords in_words(const SyntaxError& error, const YamlText& text) {
  const std::string& message = error.message;
  const auto begins = [&](std::string_view start) { return message.rfind(start, 0) == 0; };
  const std::string name = "'" + text.character(error.offset) + "'";
  if (message == "illegal map value") {
    return {"':' is not expected here", "",
            "check the indentation and the line before; put a text with ': ' in it in quotes"};
  }
  if (message == "illegal map key") {
    return {"'?' is not expected here", "", std::string(kQuoteIt)};
  }
  if (message == "illegal block entry") {
    return {"'- ' is not expected here", "",
            "begin the list on a line of its own, or write it in brackets: [a, b]"};
  }
  if (begins("illegal tab")) {
    return {"a tab before the first character of the line", "spaces",
            "replace the tab by spaces; YAML does not indent with tabs"};
  }
  if (message == "unknown token") {
    return unexpected_character(text, error.offset);
  }
  if (begins("unknown escape character")) {
    return {"'\\" + message.substr(message.find(": ") + 2) + "' means nothing in double quotes",
            R"(\\, \", \n, \t or \uXXXX)", "put a text with backslashes in single quotes"};
  }
  if (begins("bad character found while scanning hex") || begins("invalid unicode")) {
    return {"this is no character", R"(\xXX, \uXXXX or \UXXXXXXXX with hexadecimal digits)",
            "put a text with backslashes in single quotes"};
  }
  if (begins("illegal document indicator")) {
    return {"a line '---' or '...' inside a quoted text", "", "close the quote before it"};
  }
  if (begins("illegal EOF")) {
    return {"the text ends inside a quote", "a closing quote", ""};
  }
  if (begins("unexpected character in block") || begins("cannot set zero indentation")) {
    return {name + " is not expected behind '|' or '>'", "the end of the line", "put the text in quotes"};
  }
  if (begins("the referenced anchor")) {
    return {"'*' names an anchor that does not stand above", "", "put a text that begins with '*' in quotes"};
  }
  if (message.find("anchor") != std::string::npos || message.find("alias") != std::string::npos ||
      message.find("tag") != std::string::npos) {
    return {"an incomplete anchor ('&'), alias ('*') or tag ('!')", "a name behind it, and one at most",
            "put a text that begins with one of these in quotes"};
  }
  return {"this is not YAML (" + message + ")", "", ""};
}

}  // namespace

Diagnostic syntax_problem(const Location& where, SyntaxWords words) {
  return {.where = where,
          .key = {},
          .what = std::move(words.what),
          .expected = std::move(words.expected),
          .short_name = "yaml-syntax",
          .help = std::move(words.help),
          .notes = {}};
}

Diagnostic unclosed_quote(std::size_t offset, YamlText& text) {
  const std::string quote = text.character(offset);
  return syntax_problem(text.at(offset),
                        {"the quote (" + quote + ") is never closed", "a second " + quote, ""});
}

Diagnostic belongs_to_nothing(std::size_t offset, YamlText& text) {
  const std::string character = text.character(offset);
  if (character == ",") {
    return syntax_problem(text.at(offset), {"',' is not expected here", "", std::string(kQuoteIt)});
  }
  if (text.first_on_its_line(offset)) {
    return syntax_problem(text.at(offset),
                          {"this line belongs to nothing above it", "the indentation of a line above",
                           "check the indentation of this line and of the one before"});
  }
  return syntax_problem(text.at(offset), {"this stands behind the end of the value", "the end of the line",
                                          "put the whole text in quotes"});
}

Diagnostic explain_syntax(const SyntaxError& error, YamlText& text) {
  const std::string& message = error.message;
  const bool misplaced = message == "end of map not found" || message == "end of sequence not found";
  const bool in_brackets =
      message == "end of map flow not found" || message == "end of sequence flow not found";
  const std::string there = text.character(error.offset);
  const bool at_quote = there == "'" || there == "\"";
  if (at_quote && (misplaced || in_brackets) && !quote_closes(text.text(), error.offset)) {
    return unclosed_quote(error.offset, text);
  }
  Diagnostic found;
  if (in_brackets && error.bracket) {
    found = open_bracket(error, text);
  } else if (message == "illegal flow end") {
    found = closing_bracket(error, text);
  } else if (misplaced) {
    found = belongs_to_nothing(error.offset, text);
  } else {
    found = syntax_problem(text.at(error.offset), in_words(error, text));
  }
  if (error.long_quote) {
    found.notes.emplace_back(text.at(*error.long_quote),
                             "the quoted text that begins here goes on for several lines");
  }
  return found;
}

}  // namespace moesim
