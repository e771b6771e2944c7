#pragma once
// Reading a file that stays open and must stay what it is: pread(2), which never gives a signal as a mapping
// of a shortened file does, and a look at size, time and identity.

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>

namespace moesim {

// What tells that it is still the same file with the same contents.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t changed_ns = 0;  // last modification

  bool operator==(const FileIdentity&) const = default;
};
FileIdentity identity_of(const struct stat& status);

// Fills `out` from the file's byte `offset` on. Throws Error(missing_input) where the disk refuses and
// Error(bad_data) [file-changed] where the file ends before.
void read_fully(const std::string& path, int descriptor, std::span<char> out, std::uint64_t offset);

// Throws Error(bad_data) [file-changed] when the open file is no longer `expected`.
void check_unchanged(const std::string& path, int descriptor, const FileIdentity& expected);

[[noreturn]] void throw_file_changed(const std::string& path);

}  // namespace moesim
