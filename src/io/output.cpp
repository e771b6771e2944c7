// Standard output and files that grow: what the disk refused is always said.
#include <unistd.h>

#include <cerrno>

#include "core/error.h"
#include "io/descriptor.h"
#include "io/files.h"
#include "io/output_target.h"

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

OutputFile::OutputFile(const std::string& path) : path_(path), target_(std::make_unique<OutputTarget>(path)) {
  buffer_.reserve(kBufferBytes);
}

OutputFile::~OutputFile() = default;

void OutputFile::flush() {
  const WriteResult result = write_all(target_->descriptor(), buffer_);
  written_ += result.written;
  if (result.error != 0) {
    const std::uint64_t wanted = written_ - result.written + buffer_.size();
    target_.reset();
    throw_write_failed(
        {.where = shown_path(path_), .written = written_, .wanted = wanted, .error = result.error});
  }
  buffer_.clear();
}

void OutputFile::write(std::string_view bytes) {
  MOESIM_CHECK(target_ != nullptr, "writing to a file that is closed or has failed");
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
  if (target_ != nullptr) {
    flush();
    const std::unique_ptr<OutputTarget> target = std::move(target_);
    target->commit();
  }
}

}  // namespace moesim
