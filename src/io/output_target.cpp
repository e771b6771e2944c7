#include "io/output_target.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "core/error.h"

namespace moesim {
namespace {

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

// The file behind symbolic links, there or not: the links stay, the file is replaced.
std::string behind_links(const std::string& path) {
  constexpr int kMostLinks = 40;  // as Linux allows
  std::filesystem::path at = path;
  for (int i = 0; i < kMostLinks; ++i) {
    std::error_code not_a_link;
    const std::filesystem::path next = std::filesystem::read_symlink(at, not_a_link);
    if (not_a_link) {
      return at.string();
    }
    at = next.is_absolute() ? next : at.parent_path() / next;
  }
  throw_cannot_create(path, ELOOP);
}

}  // namespace

OutputTarget::OutputTarget(const std::string& path) : path_(path) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    throw_cannot_create(path, path.empty() ? ENOENT : EINVAL);
  }
  if (const int inherited = inherited_descriptor(path); inherited >= 0) {
    open_in_place(Descriptor(::fcntl(inherited, F_DUPFD_CLOEXEC, 0)));
    return;
  }
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (path.back() == '/' || (exists && S_ISDIR(status.st_mode))) {
    throw_cannot_create(path, EISDIR);
  }
  if (exists && !S_ISREG(status.st_mode)) {
    open_in_place(open_for_writing(path, 0));
    return;
  }
  file_ = behind_links(path);
  open_beside(status.st_mode, exists);
}

OutputTarget::~OutputTarget() {
  if (!temporary_.empty()) {
    ::unlink(temporary_.c_str());
  }
}

void OutputTarget::open_in_place(Descriptor opened) {
  if (!opened.valid()) {
    throw_cannot_create(path_, errno);
  }
  descriptor_.reset(opened.release());
}

void OutputTarget::open_beside(mode_t mode, bool exists) {
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const std::string name = fmt::format("{}/.moesim-{}-{}.tmp", folder_of(file_), ::getpid(), attempt);
    Descriptor created = open_for_writing(name, O_CREAT | O_EXCL);
    if (created.valid()) {
      temporary_ = name;
      descriptor_.reset(created.release());
      if (exists) {
        // A file that is not ours keeps the mode of a new file: that is no reason to lose the contents.
        static_cast<void>(::fchmod(descriptor_.get(), mode & 0777));
      }
      return;
    }
    if (errno != EEXIST) {
      break;
    }
  }
  throw_cannot_create(path_, errno);
}

int OutputTarget::finish() {
  if (const int error = sync_to_disk(descriptor_.get()); error != 0) {
    return error;
  }
  if (const int error = descriptor_.close(); error != 0 || temporary_.empty()) {
    return error;
  }
  if (std::rename(temporary_.c_str(), file_.c_str()) != 0) {
    return errno;
  }
  temporary_.clear();
  const Descriptor folder(::open(folder_of(file_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return folder.valid() ? sync_to_disk(folder.get()) : 0;  // a folder may be writable and not readable
}

void OutputTarget::commit() {
  if (const int error = finish(); error != 0) {
    throw Error(ErrorKind::write_failed,
                fmt::format("{}: error: the file could not be put in its place: {}; expected a disk that "
                            "keeps what it was given [write-failed]",
                            shown_path(path_), system_text(error)));
  }
}

}  // namespace moesim
