// New contents under a name, all or nothing.
#include "io/atomic_file.h"

#include "core/checked.h"
#include "io/files.h"
#include "io/output_target.h"

namespace moesim {

void write_parts_atomically(const std::string& path, std::span<const std::string_view> parts) {
  OutputTarget target(path);
  std::uint64_t wanted = 0;
  for (const std::string_view part : parts) {
    wanted = checked_add(wanted, part.size(), "a file");
  }
  std::uint64_t written = 0;
  for (const std::string_view part : parts) {
    const WriteResult result = write_all(target.descriptor(), part);
    written += result.written;
    if (result.error != 0) {
      throw_write_failed(
          {.where = shown_path(path), .written = written, .wanted = wanted, .error = result.error});
    }
  }
  target.commit();
}

void write_file_atomically(const std::string& path, std::string_view bytes) {
  write_parts_atomically(path, {&bytes, 1});
}

}  // namespace moesim
