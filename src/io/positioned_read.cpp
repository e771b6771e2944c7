#include "io/positioned_read.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/error.h"
#include "io/descriptor.h"

namespace moesim {

namespace {

constexpr std::size_t kLargestRead = std::size_t{1} << 30;  // read(2) takes at most 0x7ffff000 bytes at once

}  // namespace

FileIdentity identity_of(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = static_cast<std::uint64_t>(status.st_size),
          .changed_ns =
              static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec};
}

void throw_file_changed(const std::string& path) {
  throw Error(
      ErrorKind::bad_data,
      fmt::format("{}: error: the file changed while it was read; expected a file that nobody writes to "
                  "[file-changed]",
                  shown_path(path)));
}

void read_fully(const std::string& path, int descriptor, std::span<char> out, std::uint64_t offset) {
  while (!out.empty()) {
    const ssize_t count =
        ::pread(descriptor, out.data(), std::min(out.size(), kLargestRead), static_cast<off_t>(offset));
    if (count == 0) {
      throw_file_changed(path);  // its size was known when it was asked for
    }
    if (count < 0 && errno != EINTR) {
      throw Error(ErrorKind::missing_input,
                  fmt::format("{}: error: it cannot be read: {}; expected a file that can be read "
                              "[file-unreadable]",
                              shown_path(path), system_text(errno)));
    }
    if (count > 0) {
      out = out.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
  }
}

void check_unchanged(const std::string& path, int descriptor, const FileIdentity& expected) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || identity_of(status) != expected) {
    throw_file_changed(path);
  }
}

}  // namespace moesim
