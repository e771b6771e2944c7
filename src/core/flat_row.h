#pragma once
// A result as one flat row with dotted names, so that tables, JSON, CSV and databases all say the same.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace moesim {

// std::monostate: not known (JSON null, an empty CSV cell).
using FlatValue = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

struct FlatEntry {
  std::string name;
  FlatValue value;
};
using FlatRow = std::vector<FlatEntry>;

// The entry's value, or nullptr when the row has no such name.
inline const FlatValue* find_value(const FlatRow& row, const std::string& name) {
  for (const FlatEntry& entry : row) {
    if (entry.name == name) {
      return &entry.value;
    }
  }
  return nullptr;
}

}  // namespace moesim
