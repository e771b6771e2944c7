// Finding configs, and keeping `extends` inside the folder of the file that says it.
#include "config/config_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "config/scalars.h"
#include "config/suggest.h"
#include "core/error.h"
#include "core/text.h"
#include "io/assets.h"
#include "io/files.h"

namespace moesim {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostBytes = 1 << 20;

std::string parent_of(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

const Asset* find_config_asset(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    return nullptr;
  }
  const Asset* asset = find_asset(name + ".yaml");
  const bool is_yaml = name.size() > 5 && name.substr(name.size() - 5) == ".yaml";
  return asset != nullptr || !is_yaml ? asset : find_asset(name);
}

// The YAML file of the same folder whose name is nearest to that of `path`, its folder as typed; "" when none
// is near. `but` is not proposed.
std::string near_file(const std::string& path, const std::string& but) {
  constexpr int kMost = 1000;
  std::vector<std::string> stems;
  std::error_code failed;
  const fs::path folder = fs::path(path).parent_path();
  fs::directory_iterator entry(folder.empty() ? fs::path(".") : folder, failed);
  for (int i = 0; !failed && entry != fs::directory_iterator() && i < kMost; entry.increment(failed), ++i) {
    const fs::path name = entry->path().filename();
    std::error_code unreadable;
    if (name.extension() == ".yaml" && folder / name != but && entry->is_regular_file(unreadable)) {
      stems.push_back(name.stem().string());
    }
  }
  std::sort(stems.begin(), stems.end());
  const std::string near = suggest(fs::path(path).stem().string(), stems);
  return near.empty() ? "" : (folder / (near + ".yaml")).string();
}

[[noreturn]] void throw_missing(const std::string& path) {
  const std::vector<std::string> embedded = built_in_configs();
  std::string near = near_file(path, "");
  if (near.empty()) {
    near = suggest(path, embedded);
  }
  throw Error(ErrorKind::missing_input,
              display_safe(path.empty() ? "\"\"" : path) +
                  ": error: there is no such file; expected a config or the name of a built-in one "
                  "[file-missing]",
              near.empty() ? fmt::format("built in: {}", fmt::join(embedded, ", "))
                           : fmt::format("did you mean '{}'?", display_safe(near)));
}

// What is wrong with the path as written; "" when nothing is.
std::string path_problem(const Node& value) {
  if (value.kind != Node::Kind::scalar || value.text.empty()) {
    return "got " + describe_node(value);
  }
  const std::string& text = value.text;
  if (text[0] == '/') {
    return "'" + shorten(text) + "' begins with '/'";
  }
  for (const fs::path& part : fs::path(text)) {
    if (part == "..") {
      return "'" + shorten(text) + "' holds '..'";
    }
  }
  return "";
}

// Whether the file lies in the folder or below it, symbolic links followed.
bool is_inside(const fs::path& file, const fs::path& folder) {
  const auto [at_folder, at_file] = std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
  return at_folder == folder.end() && at_file != file.end();
}

}  // namespace

std::vector<std::string> built_in_configs() {
  std::vector<std::string> names;
  for (const Asset& asset : assets()) {
    const std::string_view path = asset.path;
    if (path.find('/') == std::string_view::npos && path.size() > 5 &&
        path.substr(path.size() - 5) == ".yaml") {
      names.emplace_back(path.substr(0, path.size() - 5));
    }
  }
  return names;
}

Diagnostic extends_problem(const Node& value, std::string what, std::string help) {
  return {.where = value.where,
          .key = "extends",
          .what = std::move(what),
          .expected = "a config in the same folder or below it",
          .short_name = "bad-extends",
          .help = std::move(help),
          .notes = {}};
}

ConfigText open_config(const std::string& path) {
  std::error_code failed;
  const fs::file_status status = fs::status(path, failed);
  const bool is_there = fs::exists(status);
  const Asset* asset = is_there && !fs::is_directory(status) ? nullptr : find_config_asset(path);
  if (asset != nullptr) {
    const std::string name(asset->path);
    return {
        .name = name, .directory = "", .identity = name, .text = std::string(asset->bytes), .embedded = true};
  }
  // status_error: a folder on the way may not be searched; read_file says so.
  if (!is_there && status.type() == fs::file_type::not_found) {
    throw_missing(path);
  }
  std::string text = read_file(path, kMostBytes);
  return {.name = path,
          .directory = parent_of(path),
          .identity = fs::weakly_canonical(path, failed).string(),
          .text = std::move(text)};
}

std::optional<ConfigText> open_base(const ConfigText& config, const Node& value, Diagnostics& diagnostics) {
  const std::string wrong = path_problem(value);
  if (!wrong.empty()) {
    diagnostics.add(extends_problem(value, wrong));
    return std::nullopt;
  }
  const fs::path path = (config.directory == "." ? fs::path() : fs::path(config.directory)) / value.text;
  const std::string missing = "there is no file '" + shorten(value.text) + "'";
  if (config.embedded) {
    const Asset* asset = find_asset(path.string());
    if (asset == nullptr) {
      diagnostics.add(extends_problem(value, missing));
      return std::nullopt;
    }
    const std::string name = path.string();
    return ConfigText{.name = name,
                      .directory = path.parent_path().string(),
                      .identity = name,
                      .text = std::string(asset->bytes),
                      .embedded = true};
  }
  std::error_code failed;
  const fs::path canonical = fs::canonical(path, failed);
  if (failed) {
    const std::string near = near_file(path.string(), config.name);
    const std::string folder = config.directory == "." ? "" : config.directory + "/";
    const bool below = !near.empty() && near.rfind(folder, 0) == 0;
    diagnostics.add(
        extends_problem(value, missing, below ? "did you mean '" + near.substr(folder.size()) + "'?" : ""));
    return std::nullopt;
  }
  const fs::path folder = fs::canonical(config.directory, failed);
  if (failed || !is_inside(canonical, folder)) {
    diagnostics.add(
        extends_problem(value, "'" + shorten(value.text) + "' leads out of the folder by a symbolic link"));
    return std::nullopt;
  }
  try {
    return ConfigText{.name = path.string(),
                      .directory = parent_of(path.string()),
                      .identity = canonical.string(),
                      .text = read_file(canonical.string(), kMostBytes)};
  } catch (const Error&) {
    diagnostics.add(
        extends_problem(value, "'" + shorten(value.text) + "' is no file of at most 1 MiB that can be read"));
    return std::nullopt;
  }
}

}  // namespace moesim
