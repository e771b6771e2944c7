// What to type instead of a number that other programs read but this one, on purpose, does not.
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "config/number_text.h"
#include "config/scalars.h"

namespace moesim {
namespace {

std::optional<double> plain_number(std::string_view text) {
  return number_form(text) == NumberForm::decimal ? real_value(text) : std::nullopt;
}

// The digits of a text in groups of three ("1,000,000"), or of underscores anywhere between digits ("1_0").
std::string without_grouping(std::string_view text) {
  for (const char mark : {'_', ',', '\'', ' '}) {
    if (text.find(mark) == std::string_view::npos) {
      continue;
    }
    std::string digits;
    std::size_t group = 0;
    bool first = true;
    for (std::size_t i = 0; i <= text.size(); ++i) {
      if (i < text.size() && text[i] != mark) {
        digits += text[i];
        ++group;
        continue;
      }
      const bool whole_group = mark == '_' ? group > 0 : first ? group > 0 && group <= 3 : group == 3;
      if (!whole_group) {
        return "";
      }
      group = 0;
      first = false;
    }
    return number_form(digits) == NumberForm::decimal ? digits : "";
  }
  return "";
}

// 4k, 1.5M, 2Ki: the letter of a factor behind a number.
std::string without_suffix(std::string_view text) {
  struct Suffix {
    std::string_view letters;
    double factor;
  };
  constexpr Suffix kSuffixes[] = {{"Ki", 1024.0}, {"Mi", 1048576.0}, {"Gi", 1073741824.0},
                                  {"k", 1e3},     {"K", 1e3},        {"M", 1e6},
                                  {"G", 1e9},     {"B", 1e9},        {"T", 1e12}};
  for (const Suffix& suffix : kSuffixes) {
    if (text.size() > suffix.letters.size() &&
        text.substr(text.size() - suffix.letters.size()) == suffix.letters) {
      std::string_view number = text.substr(0, text.size() - suffix.letters.size());
      if (number.back() == ' ') {
        number.remove_suffix(1);
      }
      const std::optional<double> value = plain_number(number);
      return value ? print_real(*value * suffix.factor) : "";
    }
  }
  return "";
}

std::string power(std::string_view text) {
  const std::size_t sign = text.find('^') != std::string_view::npos ? text.find('^') : text.find("**");
  if (sign == std::string_view::npos) {
    return "";
  }
  const std::size_t width = text[sign] == '^' ? 1 : 2;
  const std::optional<double> base = plain_number(text.substr(0, sign));
  const std::optional<double> exponent = plain_number(text.substr(sign + width));
  if (!base || !exponent || *exponent < 0 || *exponent > 63 ||
      *exponent != static_cast<double>(static_cast<int>(*exponent))) {
    return "";
  }
  double value = 1;
  for (int i = 0; i < static_cast<int>(*exponent); ++i) {
    value *= *base;
  }
  constexpr double kExact = 9007199254740992.0;
  return value <= kExact && value >= -kExact ? print_real(value) : "";
}

// 0o10, 0b11, 0X1f.
std::string other_base(std::string_view text) {
  if (text.size() < 3 || text[0] != '0') {
    return "";
  }
  if (text[1] == 'X') {
    const std::string hex = "0x" + std::string(text.substr(2));
    return number_form(hex) == NumberForm::hexadecimal ? hex : "";
  }
  const int base = text[1] == 'o' || text[1] == 'O' ? 8 : text[1] == 'b' || text[1] == 'B' ? 2 : 0;
  std::uint64_t value = 0;
  if (base == 0) {
    return "";
  }
  const auto result = std::from_chars(text.data() + 2, text.data() + text.size(), value, base);
  const bool all = result.ec == std::errc{} && result.ptr == text.data() + text.size();
  return all ? std::to_string(value) : "";
}

std::string signed_hexadecimal(std::string_view text) {
  if (text.empty() || (text[0] != '-' && text[0] != '+') ||
      number_form(text.substr(1)) != NumberForm::hexadecimal) {
    return "";
  }
  if (text[0] == '+') {
    return std::string(text.substr(1));
  }
  const WholeValue value = whole_value(text.substr(1));
  return value.state == WholeValue::State::ok ? "-" + std::to_string(value.magnitude) : "";
}

std::string without_leading_zeros(std::string_view text) {
  const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  std::size_t zeros = sign;
  while (zeros + 1 < text.size() && text[zeros] == '0' && text[zeros + 1] >= '0' && text[zeros + 1] <= '9') {
    ++zeros;
  }
  return std::string(text.substr(0, sign)) + std::string(text.substr(zeros));
}

// 0,5; 50%; 1/2.
std::string fraction(std::string_view text) {
  const std::size_t comma = text.find(',');
  if (comma != std::string_view::npos) {
    std::string dotted(text);
    dotted[comma] = '.';
    return plain_number(dotted) ? dotted : "";
  }
  if (!text.empty() && text.back() == '%') {
    const std::optional<double> value = plain_number(text.substr(0, text.size() - 1));
    return value ? print_real(*value / 100) : "";
  }
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    const std::optional<double> above = plain_number(text.substr(0, slash));
    const std::optional<double> below = plain_number(text.substr(slash + 1));
    return above && below && *below != 0 ? print_real(*above / *below) : "";
  }
  return "";
}

}  // namespace

std::string whole_advice(std::string_view text) {
  if (number_form(text) == NumberForm::leading_zero) {
    const std::string shorter = without_leading_zeros(text);
    const bool usable = whole_value(shorter).state == WholeValue::State::ok;
    return usable ? "write " + shorter + " (a leading zero is not octal here)" : "";
  }
  for (const auto reading : {without_grouping, without_suffix, power, other_base, signed_hexadecimal}) {
    const std::string number = reading(text);
    if (number.empty() || whole_value(number).state != WholeValue::State::ok) {
      continue;
    }
    if (number_form(number) == NumberForm::hexadecimal) {
      return "write " + number;
    }
    const WholeValue value = whole_value(number);
    return std::string("write ") + (value.negative ? "-" : "") + std::to_string(value.magnitude);
  }
  return "";
}

std::string real_advice(std::string_view text) {
  if (number_form(text) == NumberForm::hexadecimal) {
    const WholeValue value = whole_value(text);
    return value.state == WholeValue::State::ok ? "write " + std::to_string(value.magnitude) : "";
  }
  if (number_form(text) == NumberForm::leading_zero) {
    return "write " + without_leading_zeros(text) + " (no leading zero)";
  }
  for (const auto reading : {without_grouping, without_suffix, power, other_base, signed_hexadecimal}) {
    const std::string number = reading(text);
    if (number_form(number) == NumberForm::decimal) {
      return "write " + number;
    }
  }
  const std::string number = fraction(text);
  return number.empty() ? "" : "write " + number;
}

}  // namespace moesim
