#pragma once
// The system calls under io/files.h and io/npy.h: interrupted calls are repeated, short writes are continued,
// and only regular files are opened for reading (open(2), fstat(2), write(2)).

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace moesim {

// An open file that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : value_(other.release()) {}
  Descriptor& operator=(Descriptor&&) = delete;

  int get() const { return value_; }
  bool valid() const { return value_ >= 0; }
  int release();
  void reset(int value) {  // closes the old one
    close();
    value_ = value;
  }
  int close();  // 0, or the errno of what the disk refused only now

 private:
  int value_;
};

// The path as printed in messages: nothing in it can talk to the terminal.
std::string shown_path(const std::string& path);
std::string system_text(int error);  // "No space left on device"

struct OpenFile {
  Descriptor descriptor;
  struct stat status {};
};

// Throws Error(missing_input): file-missing, file-unreadable or not-a-file. Never waits (FIFOs).
OpenFile open_regular_file(const std::string& path);

// The parts of it, for files opened in other ways: what errno means for `path`, and whether what was opened
// is a regular file (fills in the status).
[[noreturn]] void throw_cannot_open(const std::string& path, int error);
void check_regular(const std::string& path, OpenFile& file);

// Opens for writing without waiting for a disk; -1 and errno on failure.
Descriptor open_for_writing(const std::string& path, int flags);

// The number behind /dev/stdout, /dev/stderr, /dev/fd/N and /proc/self/fd/N; -1 for every other path. Opening
// such a path anew would start at its first byte again, over what is already there.
int inherited_descriptor(const std::string& path);

struct WriteResult {
  std::uint64_t written = 0;
  int error = 0;  // errno; 0 when all was written
};

WriteResult write_all(int descriptor, std::string_view bytes);

// 0, or the errno. A device or file system without fsync counts as synced.
int sync_to_disk(int descriptor);

// Throws Error(write_failed) with the bytes that had reached the file and those that should have.
struct FailedWrite {
  std::string where;  // path as printed
  std::uint64_t written = 0;
  std::uint64_t wanted = 0;
  int error = 0;
};
[[noreturn]] void throw_write_failed(const FailedWrite& failed);
[[noreturn]] void throw_cannot_create(const std::string& path, int error);

}  // namespace moesim
