#include "io/row_format.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/text.h"

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;
constexpr auto kReplaceBadText = Json::error_handler_t::replace;

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

std::string markdown_cell(const std::string& text) {
  std::string cell;
  for (const char c : text) {
    cell += c == '|' ? "\\|" : c == '\n' ? " " : std::string(1, c);
  }
  return cell;
}

std::string markdown_pairs(const FlatRow& row) {
  std::string text = "| name | value |\n|---|---|\n";
  for (const FlatEntry& entry : row) {
    text += "| " + entry.name + " | " + markdown_cell(plain_text(entry.value)) + " |\n";
  }
  return text;
}

struct Columns {
  std::vector<std::string> names;
  std::map<std::string, std::size_t> place;
};

Columns columns_of(const std::vector<FlatRow>& rows) {
  Columns columns;
  for (const FlatRow& row : rows) {
    for (const FlatEntry& entry : row) {
      if (columns.place.emplace(entry.name, columns.names.size()).second) {
        columns.names.push_back(entry.name);
      }
    }
  }
  return columns;
}

std::vector<std::string> cells_of(const FlatRow& row, const Columns& columns) {
  std::vector<std::string> cells(columns.names.size());
  for (const FlatEntry& entry : row) {
    cells[columns.place.at(entry.name)] = plain_text(entry.value);
  }
  return cells;
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    line += (i == 0 ? "" : ",") + csv_cell(cells[i]);
  }
  return line + "\n";
}

std::string markdown_line(const std::vector<std::string>& cells) {
  std::string line = "|";
  for (const std::string& cell : cells) {
    line += " " + markdown_cell(cell) + " |";
  }
  return line + "\n";
}

}  // namespace

std::string csv_quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  }
  return quoted + "\"";
}

std::string csv_cell(const std::string& text) {
  return text.find_first_of(",\"\r\n") == std::string::npos ? text : csv_quoted(text);
}

std::string plain_text(const FlatValue& value) {
  if (const auto* truth = std::get_if<bool>(&value)) {
    return *truth ? "true" : "false";
  }
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    return std::to_string(*whole);
  }
  if (const auto* real = std::get_if<double>(&value)) {
    return std::isfinite(*real) ? fmt::format("{}", *real) : "";
  }
  const auto* text = std::get_if<std::string>(&value);
  return text == nullptr ? "" : *text;
}

std::string render_row(const FlatRow& row, Format format) {
  switch (format) {
    case Format::json:
      return to_json(row).dump(2, ' ', false, kReplaceBadText) + "\n";
    case Format::jsonl:
    case Format::csv:
      return render_rows({row}, format);
    case Format::markdown:
    case Format::table:
      return markdown_pairs(row);
  }
  return "";
}

std::string render_rows(const std::vector<FlatRow>& rows, Format format) {
  std::string text;
  if (format == Format::json) {
    Json all = Json::array();
    for (const FlatRow& row : rows) {
      all.push_back(to_json(row));
    }
    return all.dump(2, ' ', false, kReplaceBadText) + "\n";
  }
  if (format == Format::jsonl) {
    for (const FlatRow& row : rows) {
      text += to_json(row).dump(-1, ' ', false, kReplaceBadText) + "\n";
    }
    return text;
  }
  const Columns columns = columns_of(rows);
  const auto line = format == Format::csv ? csv_line : markdown_line;
  text = line(columns.names);
  if (format != Format::csv) {
    text += line(std::vector<std::string>(columns.names.size(), "---"));
  }
  for (const FlatRow& row : rows) {
    text += line(cells_of(row, columns));
  }
  return text;
}

std::string table_line(const FlatRow& row, Format format) {
  std::vector<std::string> cells;
  for (const FlatEntry& entry : row) {
    cells.push_back(plain_text(entry.value));
  }
  return format == Format::csv ? csv_line(cells) : markdown_line(cells);
}

FlatRow parse_row(const std::string& json, const std::string& where) {
  const Json object = Json::parse(json, nullptr, false);
  const auto refuse = [&](const std::string& what) {
    throw Error(
        ErrorKind::bad_data,
        fmt::format("{}: error: {}; expected a JSON object of plain values [bad-record]", where, what));
  };
  if (!object.is_object()) {
    refuse("this is no JSON object");
  }
  FlatRow row;
  for (const auto& [name, value] : object.items()) {
    FlatEntry entry{name, {}};
    if (value.is_boolean()) {
      entry.value = value.get<bool>();
    } else if (value.is_number_integer() &&
               !(value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX)) {
      entry.value = value.get<std::int64_t>();
    } else if (value.is_number()) {
      entry.value = value.get<double>();
    } else if (value.is_string()) {
      entry.value = value.get<std::string>();
    } else if (!value.is_null()) {
      refuse("'" + display_safe(name) + "' is a list or an object");
    }
    row.push_back(std::move(entry));
  }
  return row;
}

}  // namespace moesim
