#include "workload/source_files.h"

#include <fnmatch.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "io/files.h"

namespace moesim {
namespace {

constexpr std::string_view kDataPrefix = "${MOESIM_DATA}/";
constexpr std::string_view kBuiltInPrefix = "text/";

// Where to look: the folder is taken literally, the rest may hold a pattern.
struct Place {
  std::string folder;  // "" or ends in "/"
  std::string rest;
  bool relative = false;
};

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

std::string as_folder(const std::string& folder) {
  return folder.empty() || folder.back() == '/' ? folder : folder + "/";
}

std::optional<Place> find_place(Binder& binder, const SourcePath& path) {
  if (path.text.empty()) {
    binder.error(path.key, "got an empty path", "the path of a file", "file-missing");
    return std::nullopt;
  }
  if (begins_with(path.text, kDataPrefix)) {
    const char* root = std::getenv("MOESIM_DATA");
    if (root == nullptr || *root == '\0') {
      binder.error(path.key, "MOESIM_DATA is not set", "the folder of the optional data sets", "data-missing",
                   "export MOESIM_DATA=<folder>");
      return std::nullopt;
    }
    return Place{as_folder(root), path.text.substr(kDataPrefix.size())};
  }
  if (path.text.front() == '/') {
    return Place{"", path.text};
  }
  return Place{as_folder(path.source.directory), path.text, true};
}

bool has_wildcards(const std::string& text) {
  return text.find_first_of("*?[") != std::string::npos;
}

// A pattern that matches the text alone.
std::string quote_wildcards(const std::string& text) {
  std::string quoted;
  for (const char c : text) {
    if (c == '*' || c == '?' || c == '[') {
      quoted += {'[', c, ']'};
    } else {
      quoted += c;
    }
  }
  return quoted;
}

bool exists(const std::string& path) {
  std::error_code problem;
  return std::filesystem::exists(path, problem);
}

std::vector<SourceFile> find_assets(const std::string& pattern) {
  const std::string normal = std::filesystem::path(pattern).lexically_normal().generic_string();
  std::vector<SourceFile> files;
  for (const Asset& asset : assets()) {
    const std::string path(asset.path);
    if (path == normal || ::fnmatch(normal.c_str(), path.c_str(), FNM_PATHNAME | FNM_NOESCAPE) == 0) {
      files.push_back({path, &asset});
    }
  }
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

// Throws Error when a folder cannot be searched.
std::vector<SourceFile> find_on_disk(const Place& place) {
  const std::string whole = place.folder + place.rest;
  if (!has_wildcards(place.rest) || exists(whole)) {
    return {{whole}};
  }
  std::vector<SourceFile> files;
  for (const std::string& path : expand_glob(quote_wildcards(place.folder) + place.rest)) {
    files.push_back({path});
  }
  return files;
}

std::string suggest_built_in(const std::string& text) {
  std::vector<std::string> paths;
  for (const Asset& asset : assets()) {
    if (begins_with(asset.path, kBuiltInPrefix)) {
      paths.emplace_back(asset.path);
    }
  }
  const std::string near = suggest(text, paths);
  return near.empty() ? "" : "did you mean '" + near + "'?";
}

std::string help_for_path(const std::string& text) {
  return text.find("${") != std::string::npos || text.front() == '~'
             ? "only ${MOESIM_DATA}/ in front of a path is expanded"
             : suggest_built_in(text);
}

// "the folder of the config file, /home/me/study".
std::string folder_in_words(const SourcePath& path) {
  const std::filesystem::path folder(path.source.directory.empty() ? "." : path.source.directory);
  std::error_code unknown;
  const std::filesystem::path whole = std::filesystem::absolute(folder, unknown);
  std::string name = (unknown ? folder : whole).lexically_normal().string();
  if (name.size() > 1 && name.back() == '/') {
    name.pop_back();
  }
  return "the folder of the config file, " + name;
}

void report_missing_file(Binder& binder, const SourcePath& path, const Place& place) {
  const std::string& shown = path.text;
  if (path.source.embedded && place.relative) {
    binder.error(path.key, "there is no built-in file '" + shown + "'",
                 "the path of a built-in text, or an absolute path", "file-missing",
                 suggest_built_in(path.text));
  } else if (has_wildcards(place.rest)) {
    binder.error(path.key, "no file matches '" + shown + "'", "a pattern that matches at least one file",
                 "file-missing",
                 place.relative ? "patterns are relative to " + folder_in_words(path) : std::string());
  } else {
    binder.error(path.key, "there is no file '" + shown + "'",
                 place.relative ? "a path relative to " + folder_in_words(path)
                                : "the path of a file that can be read",
                 "file-missing", place.relative ? help_for_path(path.text) : "");
  }
}

}  // namespace

std::vector<SourceFile> find_source_files(Binder& binder, const SourcePath& path) {
  const std::optional<Place> place = find_place(binder, path);
  if (!place) {
    return {};
  }
  std::vector<SourceFile> files;
  if (place->relative && path.source.embedded) {
    files = find_assets(place->rest);
  } else {
    try {
      files = find_on_disk(*place);
    } catch (const Error& error) {
      report_io_error(binder, path.key, error);
      return {};
    }
    const bool found = !files.empty() && exists(files.front().path);
    if (!found) {
      files = place->relative && begins_with(place->rest, kBuiltInPrefix) ? find_assets(place->rest)
                                                                          : std::vector<SourceFile>();
    }
  }
  if (files.empty()) {
    report_missing_file(binder, path, *place);
  }
  return files;
}

std::optional<std::string> find_disk_path(Binder& binder, const SourcePath& path) {
  const std::optional<Place> place = find_place(binder, path);
  if (!place) {
    return std::nullopt;
  }
  if (place->relative && path.source.embedded) {
    binder.error(path.key, "a built-in config has no file '" + path.text + "' beside it", "an absolute path",
                 "file-missing");
    return std::nullopt;
  }
  return place->folder + place->rest;
}

std::optional<std::string> read_source_file(Binder& binder, const std::string& key, const SourceFile& file) {
  if (file.asset != nullptr) {
    return std::string(file.asset->bytes);
  }
  try {
    return read_file(file.path, kMaxSourceBytes);
  } catch (const Error& error) {
    report_io_error(binder, key, error);
    return std::nullopt;
  }
}

void report_io_error(Binder& binder, const std::string& key, const Error& error) {
  // "<path>: error: <what>; expected <expected> [short-name]", see core/error.h.
  constexpr std::string_view kMark = ": error: ";
  constexpr std::string_view kExpected = "; expected ";
  std::string what = error.what();
  std::string short_name = "file-unreadable";
  if (const std::size_t bracket = what.rfind(" ["); bracket != std::string::npos && what.back() == ']') {
    short_name = what.substr(bracket + 2, what.size() - bracket - 3);
    what.resize(bracket);
  }
  std::string expected;
  if (const std::size_t at = what.rfind(kExpected); at != std::string::npos) {
    expected = what.substr(at + kExpected.size());
    what.resize(at);
  }
  if (const std::size_t mark = what.find(kMark); mark != std::string::npos) {
    what.replace(mark, kMark.size(), ": ");
  }
  binder.error(key, what, expected, short_name, error.help());
}

}  // namespace moesim
