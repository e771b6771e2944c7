#pragma once
// Reading and writing files without trusting them: sizes are bounded before memory is asked for, only regular
// files are read, and a write that did not reach the disk is an error (exit 74), never silence.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// The whole file. Throws Error(missing_input) when it is not there, not readable or not a regular file
// (a folder, a FIFO, /dev/zero), Error(bad_data) when it is longer than max_bytes.
std::string read_file(const std::string& path, std::uint64_t max_bytes);

// Paths that match a glob pattern (* ? [...] in any component), sorted; a pattern without wildcards is itself
// if the file exists, else nothing.
std::vector<std::string> expand_glob(const std::string& pattern);

// Writes a temporary file beside `path`, syncs it and renames it: readers see the old file or the new one.
// Throws Error(cannot_create) or Error(write_failed).
void write_file_atomically(const std::string& path, std::string_view bytes);

// Writes to standard output and flushes; throws Error(write_failed) when not all bytes could be written
// (/dev/full). A closed pipe (EPIPE) ends quietly: returns false.
bool write_stdout(std::string_view bytes);

// A file that grows line by line (recorded routing). It takes the path's place at close(), all or nothing, as
// above; forgotten, it leaves what was there. After an error it takes nothing more: write() is then a mistake
// of the caller, close() does nothing.
class OutputTarget;
class OutputFile {
 public:
  explicit OutputFile(const std::string& path);  // throws Error(cannot_create)
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  void write(std::string_view bytes);  // throws Error(write_failed)
  void flush();                        // to the disk's copy beside the place; throws Error(write_failed)
  void close();                        // throws Error(write_failed)

 private:
  std::string path_;
  std::string buffer_;
  std::uint64_t written_ = 0;
  std::unique_ptr<OutputTarget> target_;  // none: closed or failed
};

}  // namespace moesim
