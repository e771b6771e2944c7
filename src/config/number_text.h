#pragma once
// The grammar of numbers in configs (YAML 1.2 core schema, section 10.3.2, without octal, infinity and NaN;
// no leading zeros), and what to type instead of near misses. Pure text, no tree.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace moesim {

enum class NumberForm {
  none,          // not a number
  decimal,       // -12, 1.5, .5, 1e6
  leading_zero,  // 010, -007.5
  hexadecimal,   // 0x1f
};

NumberForm number_form(std::string_view text);

// A decimal's exact value when it is a whole number. Two different failures: not integral, and no 64 bits.
struct WholeValue {
  enum class State { ok, fraction, too_large };
  State state = State::ok;
  bool negative = false;
  std::uint64_t magnitude = 0;
};
WholeValue whole_value(std::string_view decimal_or_hexadecimal);

// The nearest double. Neither infinity nor a silent 0: nullopt for 1e400 and 1e-400.
std::optional<double> real_value(std::string_view decimal);

// "write 4000" for 4k, 4_000, 4,000; "write 8 (a leading zero is not octal here)" for 08; "" when unknown.
std::string whole_advice(std::string_view text);
// The same for a field of any numbers; also "write 0.5" for 0,5, 50% and 1/2.
std::string real_advice(std::string_view text);

}  // namespace moesim
