#include "io/contained_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "core/error.h"
#include "core/text.h"

namespace moesim {
namespace {

namespace fs = std::filesystem;

constexpr int kOpenFlags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;

int open_beneath(int root, const std::string& path) {
  open_how how{};
  how.flags = kOpenFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  constexpr int kMostTries = 100;  // EAGAIN: somebody renames folders right now
  long value = -1;
  for (int i = 0; i < kMostTries; ++i) {
    value = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
    if (value >= 0 || (errno != EINTR && errno != EAGAIN)) {
      break;
    }
  }
  return static_cast<int>(value);
}

[[noreturn]] void throw_outside(const std::string& path, const std::string& folder) {
  throw Error(ErrorKind::bad_data,
              fmt::format("{}: error: this link leads out of {}; expected a file inside it [path-outside]",
                          shown_path(path), shown_path(folder)),
              fmt::format("copy what the links lead to, and name the copy: cp -rL {} COPY",
                          display_safe(shell_quoted(folder))));
}

}  // namespace

bool is_bare_name(std::string_view name) {
  constexpr std::size_t kLongest = 255;  // NAME_MAX
  return !name.empty() && name.size() <= kLongest && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos && name != "." && name != "..";
}

ContainedFolder::ContainedFolder(const std::string& path, Resolve resolve) : path_(path), resolve_(resolve) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  fs::path root = real;
  std::error_code ignored;
  const fs::path repository = real.parent_path().parent_path();
  if (!error && real.parent_path().filename() == "snapshots" &&
      fs::is_directory(repository / "blobs", ignored)) {
    root = repository;
    below_ = "snapshots/" + real.filename().string() + "/";
  }
  root_path_ = root.string();
  root_.reset(error ? -1 : ::open(root_path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root_.valid()) {
    throw Error(ErrorKind::missing_input,
                fmt::format("{}: error: it cannot be opened: {}; expected a folder that can be read "
                            "[file-unreadable]",
                            shown_path(path), error ? error.message() : system_text(errno)));
  }
}

std::string ContainedFolder::path_of(const std::string& name) const {
  return path_.empty() || path_.back() == '/' ? path_ + name : path_ + "/" + name;
}

OpenFile ContainedFolder::open(const std::string& name) const {
  MOESIM_CHECK(is_bare_name(name), "a name that leads elsewhere");
  const std::string path = path_of(name);
  if (resolve_ == Resolve::ourselves) {
    return open_resolved(name);
  }
  OpenFile file{.descriptor = Descriptor(open_beneath(root_.get(), below_ + name))};
  if (file.descriptor.valid()) {
    check_regular(path, file);
    return file;
  }
  if (errno == ENOSYS || errno == EPERM || errno == EINVAL) {
    return open_resolved(name);
  }
  if (errno == EXDEV) {
    throw_outside(path, path_);
  }
  throw_cannot_open(path, errno);
}

OpenFile ContainedFolder::open_resolved(const std::string& name) const {
  const std::string path = path_of(name);
  std::error_code error;
  const std::string real = fs::canonical(fs::path(root_path_) / (below_ + name), error).string();
  if (error) {
    throw_cannot_open(path, error.value());
  }
  const std::string inside = root_path_ == "/" ? "/" : root_path_ + "/";
  if (real.compare(0, inside.size(), inside) != 0) {
    throw_outside(path, path_);
  }
  OpenFile file{.descriptor = Descriptor(::open(real.c_str(), kOpenFlags | O_NOFOLLOW))};
  if (!file.descriptor.valid()) {
    throw_cannot_open(path, errno);
  }
  check_regular(path, file);
  return file;
}

bool ContainedFolder::has(const std::string& name) const {
  std::error_code ignored;
  return fs::symlink_status(fs::path(root_path_) / (below_ + name), ignored).type() !=
         fs::file_type::not_found;
}

std::vector<std::string> ContainedFolder::names_ending_in(std::string_view ending, std::size_t most) const {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entries(fs::path(root_path_) / below_, error);
  for (; !error && entries != fs::directory_iterator() && names.size() < most; entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    const bool fits = name.size() > ending.size() &&
                      name.compare(name.size() - ending.size(), ending.size(), ending) == 0 && name[0] != '.';
    if (fits) {
      names.push_back(name);
    }
  }
  if (error) {
    throw Error(ErrorKind::missing_input,
                fmt::format("{}: error: it cannot be read: {}; expected a folder that can be read "
                            "[file-unreadable]",
                            shown_path(path_), error.message()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace moesim
