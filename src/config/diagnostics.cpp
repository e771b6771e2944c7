// The printed form of diagnostics. Every part may hold text from a user's file and passes display_safe().
#include "config/diagnostics.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "core/text.h"

namespace moesim {
namespace {

constexpr std::size_t kShown = 20;

std::string count_errors(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " error" : " errors");
}

constexpr std::string_view kMissing[] = {"data-missing", "file-missing", "file-unreadable", "not-a-file"};
constexpr std::string_view kMalformed[] = {"bad-utf8",   "empty-file",    "file-changed",   "file-too-large",
                                           "npy-length", "npy-malformed", "npy-unsupported"};

ErrorKind kind_of_name(const std::string& short_name) {
  const auto among = [&](const auto& names) {
    return std::find(std::begin(names), std::end(names), short_name) != std::end(names);
  };
  return among(kMissing)     ? ErrorKind::missing_input
         : among(kMalformed) ? ErrorKind::bad_data
                             : ErrorKind::config;
}

}  // namespace

ErrorKind kind_of(const Diagnostics& diagnostics) {
  ErrorKind kind =
      diagnostics.empty() ? ErrorKind::config : kind_of_name(diagnostics.list().front().short_name);
  for (const Diagnostic& diagnostic : diagnostics.list()) {
    if (kind_of_name(diagnostic.short_name) == ErrorKind::config) {
      kind = ErrorKind::config;
    }
  }
  return kind;
}

std::string render(const Diagnostic& diagnostic) {
  std::string line = diagnostic.where.text();
  line += line.empty() ? "error: " : ": error: ";
  if (!diagnostic.key.empty()) {
    line += diagnostic.key + ": ";
  }
  line += diagnostic.what;
  if (!diagnostic.expected.empty()) {
    line += "; expected " + diagnostic.expected;
  }
  std::string block = display_safe(line + " [" + diagnostic.short_name + "]");
  if (!diagnostic.help.empty()) {
    block += "\n  help: " + display_safe(diagnostic.help);
  }
  for (const auto& [where, text] : diagnostic.notes) {
    block += "\n  note: " + display_safe(where.line < 1 ? text : where.text() + ": " + text);
  }
  return block;
}

std::string Diagnostics::render_all() const {
  std::map<std::string, std::size_t> first_named;
  std::vector<const Diagnostic*> order;
  for (const Diagnostic& diagnostic : list_) {
    first_named.emplace(diagnostic.where.source, first_named.size());
    order.push_back(&diagnostic);
  }
  std::stable_sort(order.begin(), order.end(), [&](const Diagnostic* a, const Diagnostic* b) {
    const Location& left = a->where;
    const Location& right = b->where;
    if (left.source != right.source) {
      return first_named.at(left.source) < first_named.at(right.source);
    }
    return left.line != right.line ? left.line < right.line : left.column < right.column;
  });
  std::string all;
  for (std::size_t i = 0; i < std::min(order.size(), kShown); ++i) {
    all += render(*order[i]) + "\n";
  }
  if (order.size() > kShown) {
    all += "... and " + std::to_string(order.size() - kShown) + " more\n";
  }
  return all + count_errors(order.size()) + ". Nothing was run.";
}

}  // namespace moesim
