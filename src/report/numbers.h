#pragma once
// Numbers as people read them.

#include <cstdint>
#include <string>
#include <string_view>

namespace moesim {

std::string with_commas(std::uint64_t value);                        // 12,345
std::string counted(std::uint64_t count, const std::string& thing);  // 1 step, 2,000 steps
std::string short_number(double value);     // 182.4k, 3.15 M: four significant digits
std::string short_bytes(double bytes);      // 41.3 MiB
std::string short_seconds(double seconds);  // 12.3 ms, 5 µs
std::string duration(double seconds);  // "26 s", "4 min 10 s", "1 h 30 min": for waiting, not for results
std::string percent(double fraction);  // 12.3 %

// At most `length` characters, the last one "…" where something was cut.
std::string shorten_text(const std::string& text, std::size_t length);

// `text` cut or padded with spaces to `width` terminal columns.
std::string pad_to(const std::string& text, int width);
std::string pad_left(const std::string& text, int width);

// Lines of at most `width` terminal columns, each behind `indent`, broken at blanks; no newline at the end.
std::string fold_words(std::string_view text, int width, const std::string& indent = {});

}  // namespace moesim
