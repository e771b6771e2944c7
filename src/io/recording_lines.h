#pragma once
// The lines of a recording that is text, and the rows of one that is CSV (RFC 4180). A line, or a row whose
// quotes span lines, has at most 1 MiB.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/recording_bytes.h"

namespace moesim {

class RecordingLines {
 public:
  static constexpr std::size_t kPadding = 64;  // readable bytes behind a line, as simdjson wants them

  explicit RecordingLines(std::unique_ptr<RecordingBytes> bytes);

  // The next line that is not empty, without its end; it holds until the next call. False at the end.
  bool next(std::string_view& line);
  // A line, with those that follow as far as a quote is open.
  bool next_row(std::string_view& row);

  std::uint64_t number() const { return first_; }  // of the line given last, from 1
  std::string where() const;                       // "trace.csv:12"
  const RecordingBytes& bytes() const { return *bytes_; }

 private:
  // Offset of the next newline at or behind `from`, or of the end of the file; -1 where there is neither
  // within the longest line.
  std::size_t find_end(std::size_t from);
  bool fill();

  std::unique_ptr<RecordingBytes> bytes_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool ended_ = false;
  std::uint64_t first_ = 0;  // line given last
  std::uint64_t lines_ = 0;  // lines given
};

// A table that begins with a line of column names, or without one.
class RecordingTable {
 public:
  explicit RecordingTable(std::unique_ptr<RecordingBytes> bytes);
  RecordingTable(std::unique_ptr<RecordingBytes> bytes, std::vector<std::string> columns);

  const std::vector<std::string>& columns() const { return columns_; }
  int find(std::string_view column) const;  // -1: not there

  bool next();  // throws Error(bad_data) where a row has another number of fields
  std::string_view field(int column) const { return fields_[static_cast<std::size_t>(column)]; }
  // The field as a whole number from 0 to `most`. Throws Error(bad_data).
  std::uint64_t whole(int column, std::uint64_t most) const;
  float number(int column) const;  // finite
  std::string where() const { return lines_.where(); }
  std::uint64_t number() const { return lines_.number(); }  // of the row's first line
  [[noreturn]] void refuse(const std::string& what, const std::string& expected) const;
  const RecordingBytes& bytes() const { return lines_.bytes(); }

 private:
  void split(std::string_view row);
  std::size_t split_quoted(std::string_view row, std::size_t at);

  RecordingLines lines_;
  std::vector<std::string> columns_;
  std::vector<std::string_view> fields_;
  std::vector<std::string> unquoted_;  // of fields with doubled quotes
};

// Throws Error(bad_data) at `where` where the text is no JSON object.
void check_json_object(std::string_view text, const std::string& where);

// The columns of a table that begins so; empty where it does not begin with a line of names.
std::vector<std::string> column_names(std::string_view start);

}  // namespace moesim
