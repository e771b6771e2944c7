#pragma once
// Files that a workload names: paths relative to the config file, absolute ones, and ones that begin with
// ${MOESIM_DATA}/; nothing else is expanded. Built-in configs find their files among the built-in ones.

#include <optional>
#include <string>
#include <vector>

#include "config/binder.h"
#include "config/load.h"
#include "core/error.h"
#include "io/assets.h"

namespace moesim {

struct SourcePath {
  std::string key;   // "workload.files", the place of errors
  std::string text;  // as the user wrote it
  const ConfigSource& source;
};

struct SourceFile {
  std::string path;              // as printed
  const Asset* asset = nullptr;  // of a built-in file; nullptr for one on disk
};

// The files of a path or glob pattern, sorted; a file whose name is the text wins over the pattern it looks
// like. text/… that is not beside the config file is looked up among the built-in files. Empty when there is
// none: reported [file-missing, data-missing].
std::vector<SourceFile> find_source_files(Binder& binder, const SourcePath& path);

// The path on disk, for a file that is never built in and without patterns. Whether it exists is not looked
// at. Nothing: reported [file-missing, data-missing].
std::optional<std::string> find_disk_path(Binder& binder, const SourcePath& path);

// The bytes of a file, or nothing: reported under its io short name [file-missing, file-too-large …].
std::optional<std::string> read_source_file(Binder& binder, const std::string& key, const SourceFile& file);
inline constexpr std::uint64_t kMaxSourceBytes = std::uint64_t{64} << 20;

// Reports an error that io threw at the key's place, with the short name that the error carries.
void report_io_error(Binder& binder, const std::string& key, const Error& error);

}  // namespace moesim
