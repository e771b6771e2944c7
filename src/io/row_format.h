#pragma once
// Flat rows as JSON, JSON Lines, CSV and Markdown, and back from JSON.

#include <string>
#include <vector>

#include "core/flat_row.h"

namespace moesim {

enum class Format { table, markdown, csv, json, jsonl };

// One row. `table` is not among them (report/screen.h): it gives Markdown. Doubles are printed with the
// fewest digits that read back the same; not-a-number and infinity become null.
std::string render_row(const FlatRow& row, Format format);

// Many rows: a JSON array, one line each (jsonl), or a table whose columns are all names in order of their
// first appearance (csv, markdown); a row without a name leaves the cell empty.
std::string render_rows(const std::vector<FlatRow>& rows, Format format);

// A row's values as one line of a table (csv, or else markdown), line end included.
std::string table_line(const FlatRow& row, Format format);

// The value alone, as CSV would print it.
std::string plain_text(const FlatValue& value);

// A row from a JSON object of plain values. Throws Error(bad_data), which names `where`.
FlatRow parse_row(const std::string& json, const std::string& where);

std::string csv_quoted(const std::string& text);  // RFC 4180
std::string csv_cell(const std::string& text);    // quoted only where it must be

}  // namespace moesim
