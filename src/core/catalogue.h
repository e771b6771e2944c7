#pragma once
// A readable list of named variants: sorted by name, no name twice. Tests, benchmarks, help texts and
// suggestions iterate it.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace moesim {

// Entry has a member `std::string name`.
template <class Entry>
class Catalogue {
 public:
  explicit Catalogue(std::vector<Entry> entries) : entries_(std::move(entries)) {
    std::sort(entries_.begin(), entries_.end(),
              [](const Entry& a, const Entry& b) { return a.name < b.name; });
    for (std::size_t i = 1; i < entries_.size(); ++i) {
      MOESIM_CHECK(entries_[i - 1].name != entries_[i].name, "two variants are called " + entries_[i].name);
    }
  }

  const std::vector<Entry>& entries() const { return entries_; }

  const Entry* find(std::string_view name) const {
    for (const Entry& entry : entries_) {
      if (entry.name == name) {
        return &entry;
      }
    }
    return nullptr;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const Entry& entry : entries_) {
      names.push_back(entry.name);
    }
    return names;
  }

 private:
  std::vector<Entry> entries_;
};

}  // namespace moesim
