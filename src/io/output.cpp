// Standard output and files that grow: what the disk refused is always said.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "core/error.h"
#include "io/descriptor.h"
#include "io/files.h"

namespace moesim {
namespace {

constexpr std::size_t kBufferBytes = 64 * 1024;

}  // namespace

bool write_stdout(std::string_view bytes) {
  const WriteResult result = write_all(STDOUT_FILENO, bytes);
  if (result.error == EPIPE) {
    return false;
  }
  if (result.error != 0) {
    throw_write_failed({.where = "standard output",
                        .written = result.written,
                        .wanted = bytes.size(),
                        .error = result.error});
  }
  return true;
}

OutputFile::OutputFile(const std::string& path) : path_(path) {
  const int inherited = inherited_descriptor(path);
  Descriptor opened = inherited >= 0 ? Descriptor(::fcntl(inherited, F_DUPFD_CLOEXEC, 0))
                                     : open_for_writing(path, O_CREAT | O_TRUNC);
  if (!opened.valid()) {
    throw_cannot_create(path, errno);
  }
  buffer_.reserve(kBufferBytes);
  descriptor_ = opened.release();
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) {
    if (!failed_) {
      write_all(descriptor_, buffer_);
    }
    ::close(descriptor_);
  }
}

void OutputFile::flush() {
  const WriteResult result = write_all(descriptor_, buffer_);
  written_ += result.written;
  if (result.error != 0) {
    failed_ = true;
    throw_write_failed({.where = shown_path(path_),
                        .written = written_,
                        .wanted = written_ - result.written + buffer_.size(),
                        .error = result.error});
  }
  buffer_.clear();
}

void OutputFile::write(std::string_view bytes) {
  MOESIM_CHECK(descriptor_ >= 0 && !failed_, "writing to a file that is closed or has failed");
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kBufferBytes - buffer_.size());
    buffer_.append(piece);
    bytes.remove_prefix(piece.size());
    if (buffer_.size() == kBufferBytes) {
      flush();
    }
  }
}

void OutputFile::close() {
  if (descriptor_ < 0 || failed_) {
    return;
  }
  flush();
  Descriptor descriptor(descriptor_);
  descriptor_ = -1;
  int error = sync_to_disk(descriptor.get());
  const int close_error = descriptor.close();
  error = error != 0 ? error : close_error;
  if (error != 0) {
    throw_write_failed({.where = shown_path(path_), .written = 0, .wanted = written_, .error = error});
  }
}

}  // namespace moesim
