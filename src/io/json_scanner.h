#pragma once
// JSON (RFC 8259) read from front to back without recursion, for files whose every entry must stand where it
// is expected: the header and the index of safetensors. Each mistake is named with its byte.

#include <cstdint>
#include <string>
#include <string_view>

namespace moesim {

// Where the text stands, for messages.
struct JsonSource {
  const std::string& name;       // the file, as the user named it
  std::uint64_t first_byte = 0;  // of the text in the file
  const char* short_name = "";   // of errors
};

class JsonScanner {
 public:
  JsonScanner(std::string_view text, const JsonSource& source) : text_(text), source_(source) {}

  std::uint64_t place() const { return source_.first_byte + offset_; }  // byte of the file
  std::string_view rest() const { return text_.substr(offset_); }

  // Each skips white space first. Throws Error(bad_data) with "<name>: error: byte <at>: found 'c'; expected
  // …".
  void take(char c, const char* expected);
  bool take_if(char c);  // whether it was there
  bool is_next(char c);
  bool is_at_end();
  // Text in quotes, its escapes resolved; UTF-8, no lone surrogates.
  std::string take_string(const char* expected);
  // Digits only: no sign, fraction, exponent or leading zero; at most 2^64−1.
  std::uint64_t take_whole_number(const char* expected);
  // Any value, at most 64 lists and objects deep.
  void skip_value();

  std::string found() const;  // "found 'c'" or "the text ends"
  // Throws "<name>: error: byte <at>: <what>; expected <expected> [short-name]".
  [[noreturn]] void refuse(std::uint64_t at, const std::string& what, const std::string& expected) const;

 private:
  bool at_end() const { return offset_ == text_.size(); }
  void skip_spaces();
  bool at(char c) const { return offset_ < text_.size() && text_[offset_] == c; }
  char32_t take_escaped_unit();  // behind "\u"
  void take_escape(std::string& out);
  void skip_scalar();
  void skip_digits();

  std::string_view text_;
  JsonSource source_;
  std::size_t offset_ = 0;
};

}  // namespace moesim
