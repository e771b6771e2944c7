#pragma once
// Private to this room: quoting of CSV cells, RFC 4180.

#include <string>

namespace moesim {

inline std::string csv_quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  }
  return quoted + "\"";
}

// Quoted only where it must be.
inline std::string csv_cell(const std::string& text) {
  return text.find_first_of(",\"\r\n") == std::string::npos ? text : csv_quoted(text);
}

}  // namespace moesim
