// A flat row as JSON, JSON Lines, CSV or Markdown.

#include <cmath>
#include <nlohmann/json.hpp>

#include "config/scalars.h"
#include "report/csv.h"
#include "report/flat.h"

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const FlatRow& row) {
  Json object = Json::object();
  for (const FlatEntry& entry : row) {
    Json& value = object[entry.name];
    std::visit(
        [&value](const auto& v) {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_same_v<T, double>) {
            if (std::isfinite(v)) {
              value = v;
            }
          } else if constexpr (!std::is_same_v<T, std::monostate>) {
            value = v;
          }
        },
        entry.value);
  }
  return object;
}

std::string plain(const FlatValue& value) {
  if (const auto* truth = std::get_if<bool>(&value)) {
    return *truth ? "true" : "false";
  }
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    return std::to_string(*whole);
  }
  if (const auto* real = std::get_if<double>(&value)) {
    return std::isfinite(*real) ? print_real(*real) : "";
  }
  const auto* text = std::get_if<std::string>(&value);
  return text == nullptr ? "" : *text;
}

std::string to_csv(const FlatRow& row) {
  std::string names;
  std::string values;
  for (const FlatEntry& entry : row) {
    const char* comma = names.empty() ? "" : ",";
    names += comma + csv_cell(entry.name);
    values += comma + csv_cell(plain(entry.value));
  }
  return names + "\n" + values + "\n";
}

std::string to_markdown(const FlatRow& row) {
  std::string text = "| name | value |\n|---|---|\n";
  for (const FlatEntry& entry : row) {
    std::string value;
    for (const char c : plain(entry.value)) {
      value += c == '|' ? "\\|" : c == '\n' ? " " : std::string(1, c);
    }
    text += "| " + entry.name + " | " + value + " |\n";
  }
  return text;
}

}  // namespace

std::string render_row(const FlatRow& row, Format format) {
  constexpr auto kReplaceBadText = Json::error_handler_t::replace;
  switch (format) {
    case Format::json:
      return to_json(row).dump(2, ' ', false, kReplaceBadText) + "\n";
    case Format::jsonl:
      return to_json(row).dump(-1, ' ', false, kReplaceBadText) + "\n";
    case Format::csv:
      return to_csv(row);
    case Format::markdown:
    case Format::table:
      return to_markdown(row);
  }
  return "";
}

}  // namespace moesim
