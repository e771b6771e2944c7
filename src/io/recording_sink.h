#pragma once
// A file being written, packed with zstd where its name ends in .zst.

#include <string>
#include <string_view>
#include <vector>

#include "io/files.h"

namespace moesim {

class RecordingSink {
 public:
  explicit RecordingSink(const std::string& path);  // throws Error(cannot_create)
  ~RecordingSink();
  RecordingSink(const RecordingSink&) = delete;
  RecordingSink& operator=(const RecordingSink&) = delete;

  void write(std::string_view bytes);  // throws Error(write_failed)
  void close();

 private:
  struct Packer;
  void pack(std::string_view bytes, bool last);
  OutputFile file_;
  std::unique_ptr<Packer> packer_;
};

}  // namespace moesim
