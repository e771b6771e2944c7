#include "io/json_scanner.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "core/error.h"
#include "core/text.h"

namespace moesim {
namespace {

constexpr std::size_t kDeepest = 64;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Characters of ASCII that mean themselves in quotes, at the start of `text`.
std::size_t count_plain(std::string_view text) {
  const auto is_special = [](char c) { return c < 0x20 || c > 0x7e || c == '"' || c == '\\'; };
  return static_cast<std::size_t>(std::find_if(text.begin(), text.end(), is_special) - text.begin());
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&out](char32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6);
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3f));
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

}  // namespace

void JsonScanner::refuse(std::uint64_t at, const std::string& what, const std::string& expected) const {
  throw Error(ErrorKind::bad_data,
              fmt::format("{}: error: byte {}: {}; expected {} [{}]", display_safe(source_.name), at, what,
                          expected, source_.short_name));
}

std::string JsonScanner::found() const {
  if (at_end()) {
    return "the text ends";
  }
  const CodePoint c = decode_utf8(text_, offset_);
  const std::size_t length = c.bytes == 0 ? 1 : static_cast<std::size_t>(c.bytes);
  return fmt::format("found '{}'", display_safe(text_.substr(offset_, length)));
}

void JsonScanner::skip_spaces() {
  while (at(' ') || at('\n') || at('\t') || at('\r')) {
    ++offset_;
  }
}

bool JsonScanner::is_next(char c) {
  skip_spaces();
  return at(c);
}

bool JsonScanner::is_at_end() {
  skip_spaces();
  return at_end();
}

bool JsonScanner::take_if(char c) {
  const bool there = is_next(c);
  offset_ += there ? 1 : 0;
  return there;
}

void JsonScanner::take(char c, const char* expected) {
  if (!take_if(c)) {
    refuse(place(), found(), expected);
  }
}

char32_t JsonScanner::take_escaped_unit() {
  std::uint16_t unit = 0;
  const std::string_view digits = text_.substr(offset_, 4);
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16);
  if (digits.size() < 4 || result.ptr != digits.data() + 4) {
    refuse(place(), "an escape \\u that is cut short", "four hexadecimal digits");
  }
  offset_ += 4;
  return unit;
}

// Behind the backslash.
void JsonScanner::take_escape(std::string& out) {
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const std::uint64_t start = place() - 1;
  const std::size_t known = at_end() ? std::string_view::npos : kNames.find(text_[offset_]);
  if (known != std::string_view::npos) {
    ++offset_;
    out += kMeanings[known];
    return;
  }
  if (!at('u')) {
    refuse(start, "an unknown escape", "\\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u");
  }
  ++offset_;
  char32_t c = take_escaped_unit();
  if (c >= 0xd800 && c < 0xdc00 && text_.substr(offset_, 2) == "\\u") {
    offset_ += 2;
    const char32_t low = take_escaped_unit();
    c = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00) : 0xd800;
  }
  if (c >= 0xd800 && c < 0xe000) {
    refuse(start, "half of a pair of UTF-16", "both halves, or the character itself");
  }
  append_utf8(out, c);
}

std::string JsonScanner::take_string(const char* expected) {
  take('"', expected);
  std::string out;
  while (true) {
    const std::size_t plain = count_plain(rest());
    out.append(text_, offset_, plain);
    offset_ += plain;
    if (at('"')) {
      break;
    }
    if (at_end()) {
      refuse(place(), "the text ends inside quotes", "a closing '\"'");
    }
    if (at('\\')) {
      ++offset_;
      take_escape(out);
      continue;
    }
    const CodePoint c = decode_utf8(text_, offset_);
    if (c.bytes == 0) {
      refuse(place(), fmt::format("found '{}'", display_safe(text_.substr(offset_, 1))), "UTF-8 text");
    }
    if (c.value < 0x20) {
      refuse(place(), found(), "no control character in quotes");
    }
    out.append(text_, offset_, static_cast<std::size_t>(c.bytes));
    offset_ += static_cast<std::size_t>(c.bytes);
  }
  ++offset_;
  return out;
}

std::uint64_t JsonScanner::take_whole_number(const char* expected) {
  skip_spaces();
  std::uint64_t value = 0;
  const std::string_view text = rest();
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto length = static_cast<std::size_t>(result.ptr - text.data());
  const bool leading_zero = length > 1 && text[0] == '0';
  const bool goes_on =
      length < text.size() && (text[length] == '.' || text[length] == 'e' || text[length] == 'E');
  if (length == 0) {
    refuse(place(), found(), expected);
  }
  if (result.ec != std::errc() || leading_zero || goes_on) {
    const std::size_t end = text.find_first_not_of("0123456789.eE+-");
    const std::string_view number = text.substr(0, std::min<std::size_t>(end, 40));
    refuse(place(), fmt::format("found {}", number), expected);
  }
  offset_ += length;
  return value;
}

void JsonScanner::skip_digits() {
  if (at_end() || !is_digit(text_[offset_])) {
    refuse(place(), found(), "a digit");
  }
  while (!at_end() && is_digit(text_[offset_])) {
    ++offset_;
  }
}

// A string, a number, true, false or null.
void JsonScanner::skip_scalar() {
  if (at('"')) {
    take_string("text in quotes");
    return;
  }
  for (const std::string_view word : {"true", "false", "null"}) {
    if (rest().substr(0, word.size()) == word) {
      offset_ += word.size();
      return;
    }
  }
  const std::uint64_t start = place();
  const bool signed_ = at('-');
  offset_ += signed_ ? 1 : 0;
  if (at_end() || !is_digit(text_[offset_])) {
    refuse(signed_ ? place() : start, found(), signed_ ? "a digit" : "a JSON value");
  }
  if (at('0')) {
    ++offset_;
  } else {
    skip_digits();
  }
  if (at('.')) {
    ++offset_;
    skip_digits();
  }
  if (at('e') || at('E')) {
    ++offset_;
    offset_ += at('+') || at('-') ? 1 : 0;
    skip_digits();
  }
}

void JsonScanner::skip_value() {
  std::vector<char> open;  // the brackets still to close
  do {
    // Here a value begins.
    if (is_next('{') || is_next('[')) {
      const char close = at('{') ? '}' : ']';
      if (open.size() == kDeepest) {
        refuse(place(), fmt::format("more than {} lists and objects in each other", kDeepest), "fewer");
      }
      ++offset_;
      if (take_if(close)) {
        // empty: it ends as a scalar does
      } else {
        open.push_back(close);
        if (close == '}') {
          take_string("a key in quotes");
          take(':', "':'");
        }
        continue;
      }
    } else {
      skip_scalar();
    }
    // Here one has ended.
    while (!open.empty() && take_if(open.back())) {
      open.pop_back();
    }
    if (!open.empty()) {
      take(',', open.back() == '}' ? "',' or '}'" : "',' or ']'");
      if (open.back() == '}') {
        take_string("a key in quotes");
        take(':', "':'");
      }
    }
  } while (!open.empty());
}

}  // namespace moesim
