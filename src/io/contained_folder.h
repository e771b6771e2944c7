#pragma once
// A folder from anybody, whose files are opened by bare names: nothing outside it is read, whatever its links
// say.

#include <string>
#include <string_view>
#include <vector>

#include "io/descriptor.h"

namespace moesim {

// A name without a folder: not empty, no '/', no zero byte, neither "." nor "..", at most 255 bytes.
bool is_bare_name(std::string_view name);

class ContainedFolder {
 public:
  // How links are kept inside: by openat2(2) with RESOLVE_BENEATH (Linux 5.6), or, where the kernel or its
  // filter has no such call, by resolving them first.
  enum class Resolve { kernel, ourselves };

  // Throws Error(missing_input) when there is no such folder.
  explicit ContainedFolder(const std::string& path, Resolve resolve = Resolve::kernel);

  const std::string& path() const { return path_; }
  std::string path_of(const std::string& name) const;  // as printed and given: "folder/name"

  // A regular file of the folder, or one below it that a link there leads to. A folder …/snapshots/REVISION
  // beside …/blobs, as the Hugging Face cache keeps a download, may link into the folder of both. Throws
  // Error(missing_input): file-missing, file-unreadable, not-a-file; Error(bad_data): path-outside. `name` is
  // bare (MOESIM_CHECK).
  OpenFile open(const std::string& name) const;

  // Whether something of that name is there, a link that leads nowhere too.
  bool has(const std::string& name) const;

  // Names in it that end in `ending` and do not begin with a dot, sorted; no more than `most` of them.
  std::vector<std::string> names_ending_in(std::string_view ending, std::size_t most) const;

 private:
  OpenFile open_resolved(const std::string& name) const;

  std::string path_;       // as the user named it
  std::string root_path_;  // without links: what may not be left
  std::string below_;      // "" or "snapshots/REVISION/": from there to the folder
  Descriptor root_;
  Resolve resolve_;
};

}  // namespace moesim
