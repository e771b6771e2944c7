#pragma once
// The text of a YAML file before and beside its parser: where an offset is, and what is wrong with the text
// as text (size, encoding, control characters, tabs in indentation, directives).

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"

namespace moesim {

// Turns byte offsets into places. Columns count characters; quick when asked in rising order.
class YamlText {
 public:
  // `text` must outlive this object.
  YamlText(std::string_view text, std::string source);
  // Every place is `everywhere`: a value from the command line.
  YamlText(std::string_view text, const Location& everywhere);

  std::string_view text() const { return text_; }
  Location at(std::size_t offset);

  bool first_on_its_line(std::size_t offset) const;  // only spaces before it
  std::string character(std::size_t offset) const;   // the one that stands there; "" at the end

 private:
  std::string_view text_;
  Location everywhere_;
  std::string source_;
  std::vector<std::size_t> line_starts_;
  std::size_t known_offset_ = 0;  // of the last answer, in known_line_ at known_column_
  std::size_t known_line_ = 0;
  int known_column_ = 1;
};

// False, with one problem reported, when the text must not reach the parser.
bool check_yaml_text(YamlText& text, Diagnostics& diagnostics);

// Offset of the first character that check_yaml_text refuses (a quoted "\\x1b" makes them too); else the
// size.
std::size_t find_control_character(std::string_view text);

// Offset behind the tags and anchors (and the spaces and comments after them) that stand at `offset`.
std::size_t skip_properties(std::string_view text, std::size_t offset);

// ~, null, Null or NULL.
bool is_null_text(std::string_view text);

// Whether the quote that opens at `offset` closes.
bool quote_closes(std::string_view text, std::size_t offset);

}  // namespace moesim
