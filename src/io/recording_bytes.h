#pragma once
// The bytes of a recording, first to last, unpacked on the way where the file is packed with gzip (RFC 1952)
// or zstd (RFC 8878). A packed file gives at most 1,000 times its own length and at most 64 GiB.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "io/descriptor.h"

namespace moesim {

class RecordingBytes {
 public:
  explicit RecordingBytes(const std::string& path);  // throws Error(missing_input) or Error(bad_data)
  ~RecordingBytes();
  RecordingBytes(const RecordingBytes&) = delete;
  RecordingBytes& operator=(const RecordingBytes&) = delete;

  const std::string& path() const { return path_; }
  const std::string& name() const { return name_; }  // as printed in messages
  bool packed() const { return unpacker_ != nullptr; }
  std::uint64_t file_bytes() const { return file_bytes_; }
  std::string_view start() const { return start_; }  // the first 128 KiB, or all

  // Fewer bytes than asked for only at the end.
  std::size_t read(std::span<char> out);

  class Unpacker;

 private:
  std::size_t read_file(std::span<char> out);
  std::size_t produce(std::span<char> out);
  void check_unchanged() const;

  std::string path_;
  std::string name_;
  OpenFile file_;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t at_ = 0;        // in the file
  std::uint64_t produced_ = 0;  // bytes unpacked
  std::string start_;
  std::size_t start_used_ = 0;
  std::unique_ptr<Unpacker> unpacker_;
};

// Whether a file that begins so is one of safetensors: the length of a header, and its first brace.
bool begins_as_safetensors(std::string_view start);

}  // namespace moesim
