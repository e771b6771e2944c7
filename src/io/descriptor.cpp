#include "io/descriptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "core/error.h"
#include "core/text.h"

namespace moesim {
namespace {

// write(2) takes at most 0x7ffff000 bytes at once; smaller pieces let a signal be served in between.
constexpr std::size_t kLargestWrite = std::size_t{1} << 30;

int open_again_if_interrupted(const std::string& path, int flags) {
  int value = -1;
  do {
    value = ::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0666);
  } while (value < 0 && errno == EINTR);
  return value;
}

const char* kind_of_file(mode_t mode) {
  return S_ISDIR(mode)    ? "this is a folder"
         : S_ISFIFO(mode) ? "this is a pipe"
         : S_ISSOCK(mode) ? "this is a socket"
                          : "this is a device";
}

[[noreturn]] void throw_not_a_file(const std::string& path, mode_t mode) {
  throw Error(ErrorKind::missing_input, fmt::format("{}: error: {}; expected a regular file [not-a-file]",
                                                    shown_path(path), kind_of_file(mode)));
}

}  // namespace

void throw_cannot_open(const std::string& path, int error) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    throw_not_a_file(path, status.st_mode);  // a socket cannot even be opened
  }
  if (error == ENOENT || error == ENOTDIR) {
    throw Error(
        ErrorKind::missing_input,
        fmt::format("{}: error: there is no such file; expected a file that can be read [file-missing]",
                    shown_path(path)));
  }
  throw Error(
      ErrorKind::missing_input,
      fmt::format("{}: error: it cannot be opened: {}; expected a file that can be read [file-unreadable]",
                  shown_path(path), system_text(error)));
}

void check_regular(const std::string& path, OpenFile& file) {
  if (::fstat(file.descriptor.get(), &file.status) != 0) {
    throw_cannot_open(path, errno);
  }
  if (!S_ISREG(file.status.st_mode)) {
    throw_not_a_file(path, file.status.st_mode);
  }
}

int Descriptor::release() {
  const int value = value_;
  value_ = -1;
  return value;
}

int Descriptor::close() {
  if (value_ < 0) {
    return 0;
  }
  // Linux has closed the descriptor even when it says EINTR: never repeat this call.
  return ::close(release()) == 0 || errno == EINTR ? 0 : errno;
}

std::string shown_path(const std::string& path) {
  return path.empty() ? "\"\"" : display_safe(path);
}

std::string system_text(int error) {
  return std::generic_category().message(error);
}

OpenFile open_regular_file(const std::string& path) {
  if (path.find('\0') != std::string::npos) {
    throw_cannot_open(path, EINVAL);  // the system would open what stands before the zero byte
  }
  OpenFile file{.descriptor = Descriptor(open_again_if_interrupted(path, O_RDONLY | O_NONBLOCK))};
  if (!file.descriptor.valid()) {
    throw_cannot_open(path, errno);
  }
  check_regular(path, file);
  return file;
}

Descriptor open_for_writing(const std::string& path, int flags) {
  if (path.find('\0') != std::string::npos) {
    errno = EINVAL;
    return Descriptor();
  }
  return Descriptor(open_again_if_interrupted(path, O_WRONLY | flags));
}

int inherited_descriptor(const std::string& path) {
  if (path == "/dev/stdout") {
    return STDOUT_FILENO;
  }
  if (path == "/dev/stderr") {
    return STDERR_FILENO;
  }
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    if (std::string_view(path).substr(0, folder.size()) == folder) {
      int value = -1;
      const char* end = path.data() + path.size();
      const auto result = std::from_chars(path.data() + folder.size(), end, value);
      return result.ec == std::errc() && result.ptr == end ? value : -1;
    }
  }
  return -1;
}

WriteResult write_all(int descriptor, std::string_view bytes) {
  WriteResult result;
  while (result.written < bytes.size()) {
    const std::string_view rest = bytes.substr(result.written);
    const ssize_t count = ::write(descriptor, rest.data(), std::min(rest.size(), kLargestWrite));
    if (count > 0) {
      result.written += static_cast<std::uint64_t>(count);
    } else if (count == 0) {
      result.error = EIO;
      break;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd ready{.fd = descriptor, .events = POLLOUT, .revents = 0};
      ::poll(&ready, 1, -1);  // another program has made our pipe or terminal non-blocking
    } else if (errno != EINTR) {
      result.error = errno;
      break;
    }
  }
  return result;
}

int sync_to_disk(int descriptor) {
  int result = 0;
  do {
    result = ::fsync(descriptor);
  } while (result != 0 && errno == EINTR);
  return result == 0 || errno == EINVAL || errno == ENOSYS || errno == ENOTSUP || errno == EROFS ? 0 : errno;
}

void throw_write_failed(const FailedWrite& failed) {
  throw Error(ErrorKind::write_failed,
              fmt::format("{}: error: {} of {} bytes could be written: {}; expected room for all of them "
                          "[write-failed]",
                          failed.where, failed.written, failed.wanted, system_text(failed.error)),
              failed.error == ENOSPC || failed.error == EDQUOT || failed.error == EFBIG
                  ? "free some space, or write to another folder"
                  : "");
}

void throw_cannot_create(const std::string& path, int error) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  struct stat status {};
  const bool no_folder = error == ENOENT && ::stat(folder.c_str(), &status) != 0;
  if (no_folder) {
    throw Error(ErrorKind::cannot_create,
                fmt::format("{}: error: there is no folder {}; expected a folder that can be written "
                            "[cannot-create]",
                            shown_path(path), shown_path(folder)),
                fmt::format("mkdir -p {}", shown_path(folder)));
  }
  throw Error(ErrorKind::cannot_create,
              fmt::format("{}: error: it cannot be created: {}; expected a file that can be written "
                          "[cannot-create]",
                          shown_path(path), system_text(error)));
}

}  // namespace moesim
