#include "io/recording_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "core/text.h"
#include "io/recording_error.h"

namespace moesim {
namespace {

constexpr std::size_t kLongestLine = 1 << 20;
constexpr std::size_t kPiece = 1 << 20;
constexpr std::size_t kMostColumns = 1024;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

RecordingLines::RecordingLines(std::unique_ptr<RecordingBytes> bytes) : bytes_(std::move(bytes)) {
  fill();
  if (std::string_view(buffer_.data(), end_).starts_with(kByteOrderMark)) {
    begin_ = kByteOrderMark.size();
  }
}

std::string RecordingLines::where() const {
  return fmt::format("{}:{}", bytes_->name(), first_);
}

bool RecordingLines::fill() {
  if (ended_) {
    return false;
  }
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  // No more than the file can hold, where that is known.
  const std::size_t piece =
      bytes_->packed() ? kPiece : std::min<std::uint64_t>(kPiece, bytes_->file_bytes() + 1);
  buffer_.resize(std::max(buffer_.size(), end_ + piece + kPadding));
  const std::size_t room = buffer_.size() - kPadding - end_;
  const std::size_t got = bytes_->read({buffer_.data() + end_, room});
  end_ += got;
  ended_ = got < room;
  return got > 0;
}

std::size_t RecordingLines::find_end(std::size_t from) {
  std::size_t length = from;  // from begin_, which moves
  while (true) {
    const void* newline = std::memchr(buffer_.data() + begin_ + length, '\n', end_ - begin_ - length);
    const std::size_t found =
        newline != nullptr
            ? static_cast<std::size_t>(static_cast<const char*>(newline) - buffer_.data()) - begin_
            : end_ - begin_;
    if (found > kLongestLine) {
      refuse_recording(fmt::format("{}:{}", bytes_->name(), first_),
                       {.what = fmt::format("the line is longer than {} bytes", kLongestLine),
                        .expected = "lines of at most 1 MiB"});
    }
    if (newline != nullptr || !fill()) {
      return newline != nullptr ? found : end_ - begin_;
    }
    length = found;
  }
}

bool RecordingLines::next(std::string_view& line) {
  do {
    first_ = ++lines_;
    if (begin_ == end_ && !fill()) {
      return false;
    }
    const std::size_t length = find_end(0);
    line = {buffer_.data() + begin_, length};
    begin_ = std::min(begin_ + length + 1, end_);
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
  } while (line.empty());
  return true;
}

bool RecordingLines::next_row(std::string_view& row) {
  if (!next(row)) {
    return false;
  }
  const auto quotes = [](std::string_view text) { return std::count(text.begin(), text.end(), '"'); };
  if (std::memchr(row.data(), '"', row.size()) == nullptr || quotes(row) % 2 == 0) {
    return true;
  }
  // Anew from the start of the line, which fill() may move.
  std::size_t length = static_cast<std::size_t>(buffer_.data() + begin_ - row.data());
  begin_ -= length;
  bool open = true;
  while (open) {
    if (begin_ + length >= end_ && !fill()) {
      refuse_recording(where(), {.what = "a quote is not closed before the end of the file",
                                 .expected = "a second quote"});
    }
    const std::size_t from = length;
    const std::size_t end = find_end(from);
    open = (quotes({buffer_.data() + begin_ + from, end - from}) % 2 == 0);
    ++lines_;
    row = {buffer_.data() + begin_, end};
    length = std::min(end + 1, end_ - begin_);
  }
  begin_ += length;
  if (row.ends_with('\r')) {
    row.remove_suffix(1);
  }
  return true;
}

RecordingTable::RecordingTable(std::unique_ptr<RecordingBytes> bytes) : lines_(std::move(bytes)) {
  std::string_view row;
  if (!lines_.next_row(row)) {
    refuse_recording(lines_.bytes().name(),
                     {.what = "the file is empty", .expected = "a line of column names"});
  }
  split(row);
  columns_.assign(fields_.begin(), fields_.end());
  std::vector<std::string> sorted = columns_;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    refuse(fmt::format("the column {} stands twice", quoted_word(*twice)), "each column once");
  }
}

RecordingTable::RecordingTable(std::unique_ptr<RecordingBytes> bytes, std::vector<std::string> columns)
    : lines_(std::move(bytes)), columns_(std::move(columns)) {}

int RecordingTable::find(std::string_view column) const {
  const auto found = std::find(columns_.begin(), columns_.end(), column);
  return found == columns_.end() ? -1 : static_cast<int>(found - columns_.begin());
}

bool RecordingTable::next() {
  std::string_view row;
  if (!lines_.next_row(row)) {
    return false;
  }
  split(row);
  if (fields_.size() != columns_.size()) {
    refuse(fmt::format("the line has {} fields", fields_.size()),
           fmt::format("{}, as the first line names", columns_.size()));
  }
  return true;
}

void RecordingTable::split(std::string_view row) {
  fields_.clear();
  std::size_t at = 0;
  while (true) {
    if (fields_.size() == kMostColumns) {
      refuse(fmt::format("the line has more than {} fields", kMostColumns), "a table of fewer columns");
    }
    if (at < row.size() && row[at] == '"') {
      at = split_quoted(row, at);
    } else {
      const void* comma = std::memchr(row.data() + at, ',', row.size() - at);
      const std::size_t end = comma == nullptr
                                  ? row.size()
                                  : static_cast<std::size_t>(static_cast<const char*>(comma) - row.data());
      fields_.push_back(row.substr(at, end - at));
      at = end;
    }
    if (at == row.size()) {
      return;
    }
    ++at;
  }
}

std::size_t RecordingTable::split_quoted(std::string_view row, std::size_t at) {
  const std::size_t begin = at + 1;
  std::size_t end = begin;
  bool doubled = false;
  while (true) {
    end = row.find('"', end);
    if (end == std::string_view::npos) {
      refuse("a quote is not closed", "a second quote");
    }
    if (end + 1 == row.size() || row[end + 1] != '"') {
      break;
    }
    doubled = true;
    end += 2;
  }
  if (end + 1 != row.size() && row[end + 1] != ',') {
    refuse(fmt::format("{} stands behind a closing quote", quoted_word(row.substr(end + 1, 1))), "a comma");
  }
  const std::string_view inside = row.substr(begin, end - begin);
  if (!doubled) {
    fields_.push_back(inside);
    return end + 1;
  }
  unquoted_.resize(std::max(unquoted_.size(), kMostColumns));
  std::string& plain = unquoted_[fields_.size()];
  plain.clear();
  for (std::size_t i = 0; i < inside.size(); ++i) {
    plain += inside[i];
    i += inside[i] == '"' ? 1 : 0;
  }
  fields_.push_back(plain);
  return end + 1;
}

std::uint64_t RecordingTable::whole(int column, std::uint64_t most) const {
  const std::string_view text = field(column);
  std::uint64_t value = 0;
  bool good = !text.empty() && text.size() <= 19;
  for (const char c : text.substr(0, 19)) {
    const auto digit = static_cast<unsigned>(c - '0');
    good = good && digit <= 9;
    value = value * 10 + digit;
  }
  if (!good) {  // the longest numbers, and what is none
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    good = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  }
  if (!good || value > most) {
    refuse(fmt::format("{} is {}", columns_[static_cast<std::size_t>(column)], quoted_word(text)),
           fmt::format("a whole number from 0 to {}", most));
  }
  return value;
}

float RecordingTable::number(int column) const {
  const std::string_view text = field(column);
  float value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || !std::isfinite(value)) {
    refuse(
        fmt::format("{} is {}", display_safe(columns_[static_cast<std::size_t>(column)]), quoted_word(text)),
        "a finite number");
  }
  return value;
}

void RecordingTable::refuse(const std::string& what, const std::string& expected) const {
  refuse_recording(where(), {.what = what, .expected = expected});
}

std::vector<std::string> column_names(std::string_view start) {
  std::vector<std::string> names;
  if (start.starts_with(kByteOrderMark)) {
    start.remove_prefix(kByteOrderMark.size());
  }
  std::string_view line = start.substr(0, start.find('\n'));
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  while (!line.empty() && names.size() < kMostColumns) {
    const std::size_t comma = std::min(line.find(','), line.size());
    std::string_view name = line.substr(0, comma);
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"') {
      name = name.substr(1, name.size() - 2);
    }
    names.emplace_back(name);
    line.remove_prefix(std::min(comma + 1, line.size()));
  }
  return names;
}

}  // namespace moesim
