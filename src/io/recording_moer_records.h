#pragma once
// Private to the compact binary form: its header and its records, each with its checksum checked, and numbers
// out of their bytes.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/recording_bytes.h"
#include "io/recording_moer.h"

namespace moesim {

// Numbers out of bytes, in order. Errors name the byte of the file.
class MoerCursor {
 public:
  MoerCursor(std::string_view bytes, std::uint64_t offset, const std::string& name)
      : bytes_(bytes), offset_(offset), name_(name) {}

  std::uint64_t place() const { return offset_ + at_; }
  std::size_t left() const { return bytes_.size() - at_; }

  std::string_view take(std::uint64_t count, const char* what);
  template <class T>
  T number(const char* what) {
    T value;
    std::memcpy(&value, take(sizeof value, what).data(), sizeof value);
    return value;
  }
  std::string text(const char* what);  // UTF-8
  void require_end() const;
  [[noreturn]] void refuse(std::uint64_t byte, const std::string& what, const std::string& expected) const;

 private:
  std::string_view bytes_;
  std::uint64_t offset_;  // of the first byte, in the file
  const std::string& name_;
  std::size_t at_ = 0;
};

struct MoerHeader {
  std::uint32_t parts = 0;
  std::string source;
  std::vector<std::string> columns;
};

class MoerRecords {
 public:
  explicit MoerRecords(std::unique_ptr<RecordingBytes> bytes);

  const std::string& name() const { return bytes_->name(); }
  const MoerHeader& header() const { return header_; }

  MoerKind read();  // the next record
  // Of the record read last:
  MoerCursor payload() const;
  std::uint64_t place() const { return record_at_; }
  std::uint64_t payload_place() const { return record_at_ + kMoerRecordHead; }
  std::uint32_t flags() const { return flags_; }
  void require_end_of_file();
  [[noreturn]] void refuse(std::uint64_t byte, const std::string& what, const std::string& expected) const;

 private:
  void read_behind(std::size_t used, std::size_t count, const char* what);
  void check_sum(std::size_t bytes) const;
  void read_header();

  std::unique_ptr<RecordingBytes> bytes_;
  MoerHeader header_;
  std::vector<char> record_;  // the one being read
  std::uint64_t at_ = 0;      // in the file, as it is read
  std::uint64_t record_at_ = 0;
  std::size_t payload_bytes_ = 0;
  std::uint32_t flags_ = 0;
};

}  // namespace moesim
