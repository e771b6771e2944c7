#pragma once
// UTF-8 text: decoding that never reads past the end, and what a terminal may safely be shown.

#include <cstdint>
#include <string>
#include <string_view>

namespace moesim {

struct CodePoint {
  char32_t value = 0;
  int bytes = 0;  // 0 when the text at this place is not UTF-8 (or is at its end)
};

// Decodes the code point at text[offset…]. Strict: no overlong forms, no surrogates, nothing above U+10FFFF.
CodePoint decode_utf8(std::string_view text, std::size_t offset);

// Offset of the first byte that is not UTF-8; text.size() when all of it is.
std::size_t find_invalid_utf8(std::string_view text);

// The text with control characters, escape sequences and bidirectional controls written as \x1b, \u202e …,
// and bytes that are not UTF-8 as \xNN, so that a file cannot talk to the terminal.
std::string display_safe(std::string_view text);

// The text as one word of a shell command.
std::string shell_quoted(const std::string& text);

// Columns the text takes on a terminal: wide for East Asian characters, 0 for combining marks.
int display_width(std::string_view text);

// Letters and digits of any script, for splitting text into words.
bool is_word_character(char32_t c);

}  // namespace moesim
