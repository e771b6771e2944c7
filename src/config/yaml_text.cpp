// Places in a text, and small steps through it.
#include "config/yaml_text.h"

#include <algorithm>
#include <utility>

#include "core/text.h"

namespace moesim {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

YamlText::YamlText(std::string_view text, std::string source)
    : text_(text), source_(std::move(source)), line_starts_{0} {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') {
      line_starts_.push_back(i + 1);
    }
  }
}

YamlText::YamlText(std::string_view text, const Location& everywhere)
    : text_(text), everywhere_(everywhere), line_starts_{0} {}

Location YamlText::at(std::size_t offset) {
  if (!everywhere_.source.empty()) {
    return everywhere_;
  }
  offset = std::min(offset, text_.size());
  const auto behind = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const auto line = static_cast<std::size_t>(behind - line_starts_.begin()) - 1;
  if (line != known_line_ || offset < known_offset_) {
    known_line_ = line;
    known_offset_ = line_starts_[line];
    known_column_ = 1;
  }
  while (known_offset_ < offset) {
    const int bytes = decode_utf8(text_, known_offset_).bytes;
    known_offset_ += bytes == 0 ? 1 : static_cast<std::size_t>(bytes);
    ++known_column_;
  }
  return {source_, static_cast<int>(line) + 1, known_column_};
}

bool YamlText::first_on_its_line(std::size_t offset) const {
  while (offset > 0 && text_[offset - 1] != '\n') {
    if (text_[--offset] != ' ') {
      return false;
    }
  }
  return true;
}

std::string YamlText::character(std::size_t offset) const {
  const int bytes = decode_utf8(text_, offset).bytes;
  return bytes == 0 ? "" : std::string(text_.substr(offset, static_cast<std::size_t>(bytes)));
}

std::size_t skip_properties(std::string_view text, std::size_t offset) {
  while (offset < text.size() && (text[offset] == '&' || text[offset] == '!')) {
    const bool verbatim = text.substr(offset, 2) == "!<";
    const std::size_t end = text.find_first_of(verbatim ? "> \t\r\n" : " \t\r\n,[]{}\"'", offset + 1);
    offset = std::min(end, text.size());
    if (offset < text.size() && text[offset] == '>') {
      ++offset;
    }
    while (offset < text.size() && (is_blank(text[offset]) || text[offset] == '#')) {
      offset = text[offset] == '#' ? std::min(text.find('\n', offset), text.size()) : offset + 1;
    }
  }
  return offset;
}

bool is_null_text(std::string_view text) {
  return text == "~" || text == "null" || text == "Null" || text == "NULL";
}

bool quote_closes(std::string_view text, std::size_t offset) {
  const char quote = text[offset];
  for (std::size_t i = offset + 1; i < text.size(); ++i) {
    const bool escaped = quote == '"' ? text[i] == '\\' : text.substr(i, 2) == "''";
    if (escaped) {
      ++i;
    } else if (text[i] == quote) {
      return true;
    }
  }
  return false;
}

}  // namespace moesim
