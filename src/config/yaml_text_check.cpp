// What is wrong with a YAML file as text, before it is parsed.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "config/yaml_text.h"
#include "core/text.h"

namespace moesim {
namespace {

constexpr std::size_t kMostBytes = 1 << 20;
// Of brackets, quoted ones included: no text comes near, and the parser needs 240 bytes for each.
constexpr int kMostOpen = 1000;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Offset of a tab before the first character of a line that has one.
std::size_t find_tab_indentation(std::string_view text) {
  std::size_t start = 0;
  while (start < text.size()) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = text.substr(start, end - start);
    const std::size_t first = line.find_first_not_of(" \t\r");
    const std::size_t tab = line.find('\t');
    if (first != std::string_view::npos && tab < first) {
      return start + tab;
    }
    start = end + 1;
  }
  return text.size();
}

// Offset of the bracket that is one too many.
std::size_t find_bracket_flood(std::string_view text) {
  int open = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[' || text[i] == '{') {
      ++open;
    } else if (text[i] == ']' || text[i] == '}') {
      open = std::max(0, open - 1);
    }
    if (open > kMostOpen) {
      return i;
    }
  }
  return text.size();
}

// Offset of a line before the document that begins with "%", other than "%YAML 1.2".
std::size_t find_directive(std::string_view text) {
  std::size_t start = 0;
  while (start < text.size()) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    std::string_view line = text.substr(start, end - start);
    while (!line.empty() && is_blank(line.back())) {
      line.remove_suffix(1);
    }
    const bool skipped = line.empty() || line.find_first_not_of(' ') == line.find('#');
    if (!line.empty() && line[0] == '%' && line != "%YAML 1.2") {
      return start;
    }
    if (!skipped && line[0] != '%') {
      break;
    }
    start = end + 1;
  }
  return text.size();
}

Diagnostic encoding_problem(YamlText& text, std::size_t offset) {
  const std::string_view bytes = text.text();
  const bool utf16 = bytes.substr(0, 2) == "\xff\xfe" || bytes.substr(0, 2) == "\xfe\xff";
  return {.where = text.at(offset),
          .key = {},
          .what = utf16 ? "the text is UTF-16"
                        : fmt::format("the byte 0x{:02x} is not UTF-8",
                                      static_cast<unsigned char>(bytes[offset])),
          .expected = "UTF-8",
          .short_name = "bad-utf8",
          .help = "save the file as UTF-8",
          .notes = {}};
}

Diagnostic control_problem(YamlText& text, std::size_t offset) {
  const bool carriage_return = text.text()[offset] == '\r';
  return {.where = text.at(offset),
          .key = {},
          .what = "the control character " + display_safe(text.character(offset)),
          .expected = "printable text",
          .short_name = "yaml-syntax",
          .help = carriage_return ? "end lines with a line feed" : "remove it",
          .notes = {}};
}

std::optional<Diagnostic> first_problem(YamlText& text) {
  const std::string_view bytes = text.text();
  if (bytes.size() > kMostBytes) {
    return Diagnostic{.where = text.at(0),
                      .key = {},
                      .what = fmt::format("the text has {} bytes", bytes.size()),
                      .expected = fmt::format("at most {}", kMostBytes),
                      .short_name = "yaml-limit",
                      .help = {},
                      .notes = {}};
  }
  if (const std::size_t at = find_invalid_utf8(bytes); at < bytes.size()) {
    return encoding_problem(text, at);
  }
  if (const std::size_t at = find_control_character(bytes); at < bytes.size()) {
    return control_problem(text, at);
  }
  if (const std::size_t at = find_bracket_flood(bytes); at < bytes.size()) {
    return Diagnostic{.where = text.at(at),
                      .key = {},
                      .what = fmt::format("more than {} open brackets", kMostOpen),
                      .expected = "at most 32 levels",
                      .short_name = "yaml-limit",
                      .help = {},
                      .notes = {}};
  }
  if (const std::size_t at = find_tab_indentation(bytes); at < bytes.size()) {
    return Diagnostic{.where = text.at(at),
                      .key = {},
                      .what = "a tab before the first character of the line",
                      .expected = "spaces",
                      .short_name = "yaml-syntax",
                      .help = "replace the tab by spaces; YAML does not indent with tabs",
                      .notes = {}};
  }
  if (const std::size_t at = find_directive(bytes); at < bytes.size()) {
    return Diagnostic{.where = text.at(at),
                      .key = {},
                      .what = "a directive ('%')",
                      .expected = "YAML 1.2 without directives",
                      .short_name = "yaml-feature",
                      .help = "remove the line",
                      .notes = {}};
  }
  return std::nullopt;
}

}  // namespace

bool check_yaml_text(YamlText& text, Diagnostics& diagnostics) {
  std::optional<Diagnostic> problem = first_problem(text);
  if (problem) {
    diagnostics.add(std::move(*problem));
    return false;
  }
  return true;
}

std::size_t find_control_character(std::string_view text) {
  std::size_t offset = 0;
  while (offset < text.size()) {
    const CodePoint c = decode_utf8(text, offset);
    const bool line_end = c.value == U'\n' || (c.value == U'\r' && text.substr(offset + 1, 1) == "\n");
    const bool control = c.value < 0x20 || (c.value >= 0x7f && c.value < 0xa0) || c.value == 0x2028 ||
                         c.value == 0x2029 || c.value == 0xfeff;
    if (control && !line_end && c.value != U'\t') {
      return offset;
    }
    offset += c.bytes == 0 ? 1 : static_cast<std::size_t>(c.bytes);
  }
  return text.size();
}

}  // namespace moesim
