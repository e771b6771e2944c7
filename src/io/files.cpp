// Reading whole files and expanding patterns.
#include "io/files.h"

#include <fmt/format.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/error.h"
#include "io/descriptor.h"

namespace moesim {
namespace {

// Files below /proc call themselves empty, and files grow: the reading goes on to the end in such steps.
constexpr std::size_t kReadStep = 64 * 1024;

[[noreturn]] void throw_too_large(const std::string& path, const std::string& size, std::uint64_t max_bytes) {
  throw Error(ErrorKind::bad_data,
              fmt::format("{}: error: the file is {} bytes long; expected at most {} bytes "
                          "[file-too-large]",
                          shown_path(path), size, max_bytes));
}

[[noreturn]] void throw_unreadable(const std::string& path, const std::string& what) {
  throw Error(ErrorKind::missing_input,
              fmt::format("{}: error: {}; expected a file that can be read [file-unreadable]",
                          shown_path(path), what));
}

// A folder that is not there matches nothing; one that cannot be searched must not pass for an empty one.
int stop_at_error(const char*, int error) {
  return error == ENOENT || error == ENOTDIR ? 0 : 1;
}

struct GlobResult {
  glob_t list{};
  ~GlobResult() { ::globfree(&list); }
};

}  // namespace

std::string read_file(const std::string& path, std::uint64_t max_bytes) {
  const OpenFile file = open_regular_file(path);
  const auto size = static_cast<std::uint64_t>(file.status.st_size);
  if (size > max_bytes) {
    throw_too_large(path, std::to_string(size), max_bytes);
  }
  std::string bytes;
  std::size_t used = 0;
  bytes.resize(size + 1);  // the one more byte finds the end without another step
  while (true) {
    if (used == bytes.size()) {
      bytes.resize(used + kReadStep);
    }
    const ssize_t count = ::read(file.descriptor.get(), bytes.data() + used, bytes.size() - used);
    if (count < 0 && errno != EINTR) {
      throw_unreadable(path, "it cannot be read: " + system_text(errno));
    }
    if (count == 0) {
      bytes.resize(used);
      return bytes;
    }
    used += count > 0 ? static_cast<std::size_t>(count) : 0;
    if (used > max_bytes) {
      throw_too_large(path, fmt::format("more than {}", max_bytes), max_bytes);
    }
  }
}

std::vector<std::string> expand_glob(const std::string& pattern) {
  if (pattern.find('\0') != std::string::npos) {
    return {};
  }
  if (pattern.find_first_of("*?[") == std::string::npos) {
    struct stat status {};
    return ::stat(pattern.c_str(), &status) == 0 ? std::vector<std::string>{pattern}
                                                 : std::vector<std::string>{};
  }
  GlobResult result;
  const int outcome = ::glob(pattern.c_str(), GLOB_NOSORT | GLOB_NOESCAPE, stop_at_error, &result.list);
  if (outcome == GLOB_NOMATCH) {
    return {};
  }
  if (outcome != 0) {
    throw_unreadable(pattern, "a folder of this pattern cannot be searched");
  }
  // Sorted by bytes, not by the user's locale: the same files in the same order everywhere.
  std::vector<std::string> paths(result.list.gl_pathv, result.list.gl_pathv + result.list.gl_pathc);
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace moesim
