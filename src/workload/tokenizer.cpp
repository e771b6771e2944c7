#include "workload/tokenizer.h"

#include "core/error.h"
#include "core/text.h"

namespace moesim {
namespace {

// Unicode property White_Space, and the byte order mark (U+FEFF), which some editors put in front of a file.
bool is_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000 || c == 0xfeff;
}

CodePoint decode(std::string_view text, std::size_t offset) {
  const CodePoint c = decode_utf8(text, offset);
  MOESIM_CHECK(c.bytes > 0 || offset >= text.size(), "a tokenizer was given text that is not UTF-8");
  return c;
}

std::string_view take(std::string_view text, std::size_t& offset, std::size_t bytes) {
  const std::string_view token = text.substr(offset, bytes);
  offset += token.size();
  return token;
}

std::string_view next_word(std::string_view text, std::size_t& offset) {
  CodePoint c = decode(text, offset);
  while (c.bytes > 0 && is_white_space(c.value)) {
    offset += static_cast<std::size_t>(c.bytes);
    c = decode(text, offset);
  }
  std::size_t end = offset + static_cast<std::size_t>(c.bytes);
  if (c.bytes > 0 && is_word_character(c.value)) {
    c = decode(text, end);
    while (c.bytes > 0 && is_word_character(c.value) && !is_white_space(c.value)) {
      end += static_cast<std::size_t>(c.bytes);
      c = decode(text, end);
    }
  }
  return take(text, offset, end - offset);
}

}  // namespace

std::span<const EnumName<TokenizerKind>> enum_names(TokenizerKind) {
  static constexpr EnumName<TokenizerKind> kNames[] = {
      {TokenizerKind::byte, "byte"}, {TokenizerKind::character, "char"}, {TokenizerKind::word, "word"}};
  return kNames;
}

std::string_view next_token(TokenizerKind kind, std::string_view text, std::size_t& offset) {
  if (offset >= text.size()) {
    return {};
  }
  switch (kind) {
    case TokenizerKind::byte:
      return take(text, offset, 1);
    case TokenizerKind::character:
      return take(text, offset, static_cast<std::size_t>(decode(text, offset).bytes));
    case TokenizerKind::word:
      return next_word(text, offset);
  }
  return {};
}

}  // namespace moesim
