// Grammar (NumPy's numpy/lib/format.py, _write_array_header):
//   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }        spaces, newline
#include "io/npy_dictionary.h"

#include <fmt/format.h>

#include <charconv>

#include "core/error.h"
#include "core/text.h"

namespace moesim {

void refuse_npy(const std::string& name, const NpyProblem& problem) {
  throw Error(ErrorKind::bad_data,
              fmt::format("{}: error: byte {}: {}; expected {} [{}]", display_safe(name), problem.at,
                          problem.what, problem.expected, problem.short_name),
              problem.help);
}

namespace {

constexpr std::size_t kLongestString = 64;  // longer than any name or type of a plain array

class Parser {
 public:
  Parser(std::string_view text, std::uint64_t first_byte, const std::string& name)
      : text_(text), first_byte_(first_byte), name_(name) {}

  NpyDictionary parse() {
    skip_spaces();
    take('{', "'{'");
    while (skip_spaces(), !at('}')) {
      parse_entry();
      skip_spaces();
      if (!at('}')) {
        take(',', "',' or '}'");
      }
    }
    check_complete();
    ++offset_;
    check_padding();
    return result_;
  }

 private:
  std::uint64_t place() const { return first_byte_ + offset_; }
  bool at(char c) const { return offset_ < text_.size() && text_[offset_] == c; }
  bool at_digit() const { return offset_ < text_.size() && text_[offset_] >= '0' && text_[offset_] <= '9'; }

  std::string found() const {
    return offset_ >= text_.size() ? "the header ends"
                                   : fmt::format("found '{}'", display_safe(text_.substr(offset_, 1)));
  }

  [[noreturn]] void refuse(const std::string& expected) const {
    refuse_npy(name_, {.at = place(), .what = found(), .expected = expected});
  }

  void skip_spaces() {
    while (at(' ')) {
      ++offset_;
    }
  }

  void take(char c, const char* expected) {
    if (!at(c)) {
      refuse(expected);
    }
    ++offset_;
  }

  // Text in quotes without escapes.
  std::string_view take_string(const char* expected) {
    if (!at('\'') && !at('"')) {
      refuse(expected);
    }
    const char quote = text_[offset_];
    const std::size_t start = offset_ + 1;
    const std::size_t end = text_.find(quote, start);
    if (end == std::string_view::npos || end - start > kLongestString) {
      refuse_npy(name_,
                 {.at = place(),
                  .what = "text that starts with a quote and does not end",
                  .expected = fmt::format("at most {} characters and a second quote", kLongestString)});
    }
    offset_ = end + 1;
    return text_.substr(start, end - start);
  }

  void parse_entry() {
    const std::uint64_t key_at = place();
    const std::string_view key = take_string("a key in quotes");
    std::uint64_t* seen_at = key == "descr"           ? &result_.descr_at
                             : key == "fortran_order" ? &result_.fortran_order_at
                             : key == "shape"         ? &result_.shape_at
                                                      : nullptr;
    if (seen_at == nullptr || *seen_at != 0) {
      refuse_npy(name_, {.at = key_at,
                         .what = fmt::format("the key '{}'{}", display_safe(key),
                                             seen_at == nullptr ? "" : " a second time"),
                         .expected = "each of descr, fortran_order and shape once"});
    }
    skip_spaces();
    take(':', "':'");
    skip_spaces();
    *seen_at = place();
    if (key == "descr") {
      parse_descr();
    } else if (key == "fortran_order") {
      parse_fortran_order();
    } else {
      parse_shape();
    }
  }

  void parse_descr() {
    if (at('[') || at('(')) {
      refuse_npy(name_, {.at = place(),
                         .what = "descr is a list: the array has named fields",
                         .expected = "'<f4' or '<f8'",
                         .short_name = "npy-unsupported",
                         .help = "save one field as float32 with np.save(\"array.npy\", "
                                 "a[\"field\"].astype(\"<f4\"))"});
    }
    result_.descr = take_string("a type in quotes, '<f4' or '<f8'");
  }

  void parse_fortran_order() {
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(offset_, word.size()) == word) {
        result_.fortran_order = word == "True";
        offset_ += word.size();
        return;
      }
    }
    refuse("True or False");
  }

  void parse_shape() {
    take('(', "'(' and the sizes, for example (3, 4)");
    while (skip_spaces(), !at(')')) {
      result_.shape.push_back(parse_size());
      skip_spaces();
      if (at(')') && result_.shape.size() > 1) {
        break;
      }
      take(',', result_.shape.size() == 1 ? "',' (one size is written (3,))" : "',' or ')'");
    }
    ++offset_;
  }

  std::uint64_t parse_size() {
    if (!at_digit()) {
      refuse("a size, a whole number from 0");
    }
    const std::size_t start = offset_;
    while (at_digit()) {
      ++offset_;
    }
    const std::string_view digits = text_.substr(start, offset_ - start);
    std::int64_t value = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (parsed.ec != std::errc() || (digits.size() > 1 && digits[0] == '0')) {
      const bool long_number = digits.size() > 40;
      refuse_npy(name_, {.at = first_byte_ + start,
                         .what = fmt::format("the size {}{}", digits.substr(0, 40), long_number ? "..." : ""),
                         .expected = "a whole number below 2^63 without zeros before it"});
    }
    return static_cast<std::uint64_t>(value);
  }

  void check_complete() const {
    const char* missing = result_.descr_at == 0           ? "descr"
                          : result_.fortran_order_at == 0 ? "fortran_order"
                          : result_.shape_at == 0         ? "shape"
                                                          : nullptr;
    if (missing != nullptr) {
      refuse_npy(name_, {.at = place(),
                         .what = fmt::format("the dictionary ends without '{}'", missing),
                         .expected = "each of descr, fortran_order and shape once"});
    }
  }

  void check_padding() {
    skip_spaces();
    const bool newline = at('\n');
    offset_ += newline ? 1 : 0;
    if (!newline || offset_ != text_.size()) {
      refuse("spaces and one newline at the end of the header");
    }
  }

  std::string_view text_;
  std::uint64_t first_byte_;
  const std::string& name_;
  std::size_t offset_ = 0;
  NpyDictionary result_;
};

}  // namespace

NpyDictionary parse_npy_dictionary(std::string_view text, std::uint64_t first_byte, const std::string& name) {
  return Parser(text, first_byte, name).parse();
}

}  // namespace moesim
