// Recognises and converts numbers without the C++ library's locale.
#include "config/number_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace moesim {
namespace {

constexpr long kExponentLimit = 100000;  // beyond it every number is out of range; keeps arithmetic small

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

std::string_view take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) {
    ++count;
  }
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

// The parts of [-+]? whole [. fraction] [e exponent].
struct Decimal {
  bool negative = false;
  std::string_view whole;
  std::string_view fraction;
  long exponent = 0;
};

std::optional<Decimal> split_decimal(std::string_view text) {
  Decimal parts;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    parts.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  parts.whole = take_digits(text);
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    parts.fraction = take_digits(text);
  }
  if (parts.whole.empty() && parts.fraction.empty()) {
    return std::nullopt;
  }
  if (!text.empty() && (text[0] == 'e' || text[0] == 'E')) {
    text.remove_prefix(1);
    const bool negative = !text.empty() && text[0] == '-';
    if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
      text.remove_prefix(1);
    }
    const std::string_view digits = take_digits(text);
    if (digits.empty()) {
      return std::nullopt;
    }
    for (const char digit : digits) {
      parts.exponent = std::min(kExponentLimit, parts.exponent * 10 + (digit - '0'));
    }
    parts.exponent = negative ? -parts.exponent : parts.exponent;
  }
  return text.empty() ? std::optional<Decimal>(parts) : std::nullopt;
}

WholeValue magnitude_of(std::string_view digits, int base) {
  WholeValue value;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value.magnitude, base);
  if (result.ec == std::errc::result_out_of_range) {
    value.state = WholeValue::State::too_large;
  }
  return value;
}

}  // namespace

NumberForm number_form(std::string_view text) {
  if (text.size() > 2 && text.substr(0, 2) == "0x") {
    return std::all_of(text.begin() + 2, text.end(), is_hex_digit) ? NumberForm::hexadecimal
                                                                   : NumberForm::none;
  }
  const std::optional<Decimal> parts = split_decimal(text);
  if (!parts) {
    return NumberForm::none;
  }
  const bool padded = parts->whole.size() > 1 && parts->whole[0] == '0';
  return padded ? NumberForm::leading_zero : NumberForm::decimal;
}

WholeValue whole_value(std::string_view text) {
  if (number_form(text) == NumberForm::hexadecimal) {
    return magnitude_of(text.substr(2), 16);
  }
  const Decimal parts = split_decimal(text).value_or(Decimal{});
  std::string digits = std::string(parts.whole) + std::string(parts.fraction);
  long exponent = parts.exponent - static_cast<long>(parts.fraction.size());
  digits.erase(0, digits.find_first_not_of('0'));
  if (digits.empty()) {
    return {};
  }
  while (digits.back() == '0') {
    digits.pop_back();
    ++exponent;
  }
  WholeValue value;
  if (exponent < 0) {
    value.state = WholeValue::State::fraction;
  } else if (exponent > 19) {
    value.state = WholeValue::State::too_large;
  } else {
    value = magnitude_of(digits.append(static_cast<std::size_t>(exponent), '0'), 10);
  }
  value.negative = parts.negative;
  return value;
}

std::optional<double> real_value(std::string_view text) {
  if (!text.empty() && text[0] == '+') {
    text.remove_prefix(1);
  }
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc{} || result.ptr != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  const Decimal parts = split_decimal(text).value_or(Decimal{});
  const auto is_zero = [](std::string_view digits) {
    return digits.find_first_not_of('0') == std::string_view::npos;
  };
  if (value == 0 && !(is_zero(parts.whole) && is_zero(parts.fraction))) {
    return std::nullopt;
  }
  return value;
}

}  // namespace moesim
