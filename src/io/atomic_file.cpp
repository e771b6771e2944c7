// New contents under a name, all or nothing: a temporary file in the same folder, fsync, rename, fsync of the
// folder (rename(2), "Files are hard", LWN 2015). What is not a regular file is written in place.
#include "io/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "core/checked.h"
#include "core/error.h"
#include "io/descriptor.h"
#include "io/files.h"

namespace moesim {
namespace {

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

// The file behind symbolic links: the link stays, its file is replaced. `path` itself when there is none yet.
std::string behind_links(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  return real ? std::string(real.get()) : path;
}

class TemporaryFile {
 public:
  TemporaryFile(const std::string& shown, const std::string& target)
      : shown_(shown), target_(target), descriptor_(create()) {}
  ~TemporaryFile() {
    if (!name_.empty()) {
      ::unlink(name_.c_str());
    }
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  int descriptor() const { return descriptor_.get(); }

  // Syncs, closes and takes the target's place; 0 or errno.
  int commit() {
    if (const int error = sync_to_disk(descriptor_.get()); error != 0) {
      return error;
    }
    if (const int error = descriptor_.close(); error != 0) {
      return error;
    }
    if (std::rename(name_.c_str(), target_.c_str()) != 0) {
      return errno;
    }
    name_.clear();
    return sync_folder();
  }

 private:
  Descriptor create() {
    for (int attempt = 0; attempt < 1000; ++attempt) {
      name_ = fmt::format("{}/.moesim-{}-{}.tmp", folder_of(target_), ::getpid(), attempt);
      Descriptor created = open_for_writing(name_, O_CREAT | O_EXCL);
      if (created.valid()) {
        return created;
      }
      if (errno != EEXIST) {
        break;
      }
    }
    throw_cannot_create(shown_, errno);
  }

  int sync_folder() const {
    const Descriptor folder(::open(folder_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return folder.valid() ? sync_to_disk(folder.get()) : 0;  // a folder may be writable and not readable
  }

  std::string shown_;
  std::string target_;
  std::string name_;  // empty once there is nothing to remove
  Descriptor descriptor_;
};

void write_parts(const std::string& path, std::span<const std::string_view> parts, int descriptor) {
  std::uint64_t wanted = 0;
  for (const std::string_view part : parts) {
    wanted = checked_add(wanted, part.size(), "a file");
  }
  std::uint64_t written = 0;
  for (const std::string_view part : parts) {
    const WriteResult result = write_all(descriptor, part);
    written += result.written;
    if (result.error != 0) {
      throw_write_failed(
          {.where = shown_path(path), .written = written, .wanted = wanted, .error = result.error});
    }
  }
}

[[noreturn]] void throw_lost_at_the_end(const std::string& path, int error) {
  throw Error(ErrorKind::write_failed,
              fmt::format("{}: error: the file could not be put in its place: {}; expected a disk that keeps "
                          "what it was given [write-failed]",
                          shown_path(path), system_text(error)));
}

// Pipes, terminals and devices keep their identity.
void write_in_place(const std::string& path, std::span<const std::string_view> parts, Descriptor descriptor) {
  if (!descriptor.valid()) {
    throw_cannot_create(path, errno);
  }
  write_parts(path, parts, descriptor.get());
  if (const int error = descriptor.close(); error != 0) {
    throw_lost_at_the_end(path, error);
  }
}

}  // namespace

void write_parts_atomically(const std::string& path, std::span<const std::string_view> parts) {
  if (path.find('\0') != std::string::npos) {
    throw_cannot_create(path, EINVAL);
  }
  if (const int inherited = inherited_descriptor(path); inherited >= 0) {
    write_in_place(path, parts, Descriptor(::fcntl(inherited, F_DUPFD_CLOEXEC, 0)));
    return;
  }
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (path.empty() || path.back() == '/' || (exists && S_ISDIR(status.st_mode))) {
    throw_cannot_create(path, path.empty() ? ENOENT : EISDIR);
  }
  if (exists && !S_ISREG(status.st_mode)) {
    write_in_place(path, parts, open_for_writing(path, 0));
    return;
  }
  TemporaryFile temporary(path, exists ? behind_links(path) : path);
  if (exists) {
    // A file that is not ours keeps the mode of a new file: that is no reason to lose the contents.
    static_cast<void>(::fchmod(temporary.descriptor(), status.st_mode & 0777));
  }
  write_parts(path, parts, temporary.descriptor());
  if (const int error = temporary.commit(); error != 0) {
    throw_lost_at_the_end(path, error);
  }
}

void write_file_atomically(const std::string& path, std::string_view bytes) {
  write_parts_atomically(path, {&bytes, 1});
}

}  // namespace moesim
