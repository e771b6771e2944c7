#include "core/text.h"

#include <fmt/format.h>

#include <iterator>

namespace moesim {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

bool in_ranges(char32_t c, const Range* begin, const Range* end) {
  for (const Range* r = begin; r != end; ++r) {
    if (c >= r->first && c <= r->last) {
      return true;
    }
  }
  return false;
}

// Blocks of the Unicode standard whose characters take two terminal columns (East Asian Width W and F).
constexpr Range kWide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},
                           {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},
                           {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
                           {0x1f300, 0x1f64f}, {0x1f680, 0x1f6c5}, {0x1f900, 0x1f9ff}, {0x1fa70, 0x1faff},
                           {0x20000, 0x3fffd}};
constexpr Range kZeroWidth[] = {{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a},
                                {0x064b, 0x065f}, {0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e},
                                {0x1160, 0x11ff}, {0x200b, 0x200d}, {0x2060, 0x2064}, {0x20d0, 0x20ff},
                                {0xd7b0, 0xd7fb}, {0xfe00, 0xfe0f}};
// Controls of C0 and C1, line separators, bidirectional controls, the byte order mark, tag characters.
constexpr Range kUnsafe[] = {{0x0000, 0x001f}, {0x007f, 0x009f}, {0x061c, 0x061c}, {0x200e, 0x200f},
                             {0x2028, 0x202e}, {0x2066, 0x2069}, {0xfeff, 0xfeff}, {0xe0000, 0xe007f}};
// Punctuation and symbols outside ASCII: General Punctuation to Miscellaneous Symbols, CJK punctuation, …
constexpr Range kNotWord[] = {{0x0080, 0x00a9}, {0x00ab, 0x00b4},  {0x00b6, 0x00b9}, {0x00bb, 0x00bf},
                              {0x00d7, 0x00d7}, {0x00f7, 0x00f7},  {0x2000, 0x206f}, {0x20a0, 0x20cf},
                              {0x2190, 0x2bff}, {0x2e00, 0x2e7f},  {0x3000, 0x3004}, {0x3008, 0x3020},
                              {0xfe10, 0xfe6f}, {0xff00, 0xff0f},  {0xff1a, 0xff20}, {0xff3b, 0xff40},
                              {0xff5b, 0xff65}, {0x1f000, 0x1faff}};

}  // namespace

CodePoint decode_utf8(std::string_view text, std::size_t offset) {
  if (offset >= text.size()) {
    return {};
  }
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[offset + i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    return {lead, 1};
  }
  const int length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() - offset < static_cast<std::size_t>(length)) {
    return {};
  }
  char32_t value = lead & (0x7f >> length);
  for (int i = 1; i < length; ++i) {
    const unsigned char next = byte(static_cast<std::size_t>(i));
    if ((next & 0xc0) != 0x80) {
      return {};
    }
    value = (value << 6) | (next & 0x3f);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
    return {};
  }
  return {value, length};
}

std::size_t find_invalid_utf8(std::string_view text) {
  std::size_t offset = 0;
  while (offset < text.size()) {
    const CodePoint c = decode_utf8(text, offset);
    if (c.bytes == 0) {
      return offset;
    }
    offset += static_cast<std::size_t>(c.bytes);
  }
  return text.size();
}

std::string display_safe(std::string_view text) {
  std::string safe;
  std::size_t offset = 0;
  while (offset < text.size()) {
    const CodePoint c = decode_utf8(text, offset);
    if (c.bytes == 0) {
      fmt::format_to(std::back_inserter(safe), "\\x{:02x}", static_cast<unsigned char>(text[offset]));
      ++offset;
      continue;
    }
    if (c.value == '\n') {
      safe += "\\n";
    } else if (c.value == '\t') {
      safe += "\\t";
    } else if (in_ranges(c.value, std::begin(kUnsafe), std::end(kUnsafe))) {
      const auto value = static_cast<std::uint32_t>(c.value);
      safe += value < 0x100     ? fmt::format("\\x{:02x}", value)
              : value < 0x10000 ? fmt::format("\\u{:04x}", value)
                                : fmt::format("\\U{:08x}", value);
    } else {
      safe.append(text.substr(offset, static_cast<std::size_t>(c.bytes)));
    }
    offset += static_cast<std::size_t>(c.bytes);
  }
  return safe;
}

int display_width(std::string_view text) {
  int width = 0;
  std::size_t offset = 0;
  while (offset < text.size()) {
    const CodePoint c = decode_utf8(text, offset);
    offset += c.bytes == 0 ? 1 : static_cast<std::size_t>(c.bytes);
    if (c.bytes == 0 || in_ranges(c.value, std::begin(kWide), std::end(kWide))) {
      width += c.bytes == 0 ? 1 : 2;
    } else if (!in_ranges(c.value, std::begin(kZeroWidth), std::end(kZeroWidth))) {
      width += 1;
    }
  }
  return width;
}

bool is_word_character(char32_t c) {
  if (c < 0x80) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  }
  return !in_ranges(c, std::begin(kNotWord), std::end(kNotWord)) &&
         !in_ranges(c, std::begin(kUnsafe), std::end(kUnsafe));
}

std::string shell_quoted(const std::string& text) {
  const bool plain =
      text.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-./=,:+@%") ==
      std::string::npos;
  if (plain && !text.empty()) {
    return text;
  }
  std::string quoted = "'";
  for (const char c : text) {
    quoted += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return quoted + "'";
}

}  // namespace moesim
