// Finding a config, following what it extends, applying overrides.
#include "config/load.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "config/merge.h"
#include "config/overrides.h"
#include "config/scalars.h"
#include "config/suggest.h"
#include "config/yaml.h"
#include "core/text.h"
#include "io/assets.h"
#include "io/files.h"

namespace moesim {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostBytes = 1 << 20;
constexpr std::size_t kLongestChain = 16;

// A config's text and what it needs to find its base.
struct ConfigText {
  std::string name;       // in errors
  std::string directory;  // of a file; of an asset within configs/
  std::string identity;   // canonical: two names of one file have the same
  std::string text;
  bool embedded = false;
};

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

std::vector<std::string> config_assets() {
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

// YAML files beside the missing one, with its folder as typed.
std::vector<std::string> neighbours(const std::string& path) {
  constexpr int kMost = 1000;
  std::vector<std::string> names;
  std::error_code failed;
  const fs::path folder = fs::path(path).parent_path();
  fs::directory_iterator entry(folder.empty() ? fs::path(".") : folder, failed);
  for (int i = 0; !failed && entry != fs::directory_iterator() && i < kMost; entry.increment(failed), ++i) {
    if (entry->path().extension() == ".yaml") {
      names.push_back((folder / entry->path().filename()).string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

[[noreturn]] void throw_missing(const std::string& path) {
  const std::vector<std::string> embedded = config_assets();
  std::vector<std::string> candidates = neighbours(path);
  candidates.insert(candidates.end(), embedded.begin(), embedded.end());
  const std::string near = suggest(path, candidates);
  const std::string choices = list_choices(embedded);
  throw Error(
      ErrorKind::missing_input,
      display_safe(path.empty() ? "\"\"" : path) +
          ": error: there is no such file; expected a config or the name of a built-in one [file-missing]",
      !near.empty()      ? "did you mean '" + display_safe(near) + "'?"
      : !choices.empty() ? "built in: " + choices
                         : "");
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

Diagnostic extends_problem(const Node& value, std::string what, std::string help = {}) {
  return {.where = value.where,
          .key = "extends",
          .what = std::move(what),
          .expected = "a config in the same folder or below it",
          .short_name = "bad-extends",
          .help = std::move(help),
          .notes = {}};
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
    const std::string near = suggest(path.string(), neighbours(path.string()));
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
  return ConfigText{.name = path.string(),
                    .directory = parent_of(path.string()),
                    .identity = canonical.string(),
                    .text = read_file(path.string(), kMostBytes)};
}

bool in_chain(const std::vector<ConfigText>& chain, const ConfigText& config) {
  return std::any_of(chain.begin(), chain.end(),
                     [&](const ConfigText& other) { return other.identity == config.identity; });
}

Node parse_map(const ConfigText& config, Diagnostics& diagnostics) {
  const std::size_t problems = diagnostics.list().size();
  Node root = parse_yaml(config.text, config.name, diagnostics);
  if (root.kind == Node::Kind::map) {
    return root;
  }
  Node map;
  map.kind = Node::Kind::map;
  map.where = root.where;
  if (diagnostics.list().size() == problems) {
    const std::size_t colon = root.text.find(':');
    diagnostics.add({.where = root.where,
                     .key = {},
                     .what = "got " + describe_node(root),
                     .expected = "a map of keys, such as 'name: test'",
                     .short_name = "wrong-type",
                     .help = colon == std::string::npos ? "" : "write a space behind the colon",
                     .notes = {}});
  }
  return map;
}

// The tree of the first config of the chain laid over those that it extends.
Node read_chain(std::vector<ConfigText> chain, Diagnostics& diagnostics) {
  std::vector<Node> trees;
  while (true) {
    const ConfigText config = chain.back();
    Node tree = parse_map(config, diagnostics);
    std::optional<Node> extends;
    if (const Node* value = tree.child("extends")) {
      extends = *value;
      tree.entries.erase(tree.entries.begin() + (tree.find("extends") - tree.entries.data()));
    }
    trees.push_back(std::move(tree));
    if (!extends) {
      break;
    }
    std::optional<ConfigText> base = open_base(config, *extends, diagnostics);
    if (!base) {
      break;
    }
    if (in_chain(chain, *base)) {
      diagnostics.add(
          extends_problem(*extends, "'" + shorten(extends->text) + "' leads back to " +
                                        (base->identity == config.identity ? "itself" : base->name)));
      break;
    }
    if (chain.size() == kLongestChain) {
      diagnostics.add(extends_problem(*extends, "a chain of more than 16 configs"));
      break;
    }
    chain.push_back(std::move(*base));
  }
  Node merged = std::move(trees.back());
  for (std::size_t i = trees.size() - 1; i-- > 0;) {
    merged = merge(std::move(merged), trees[i]);
  }
  return merged;
}

}  // namespace

LoadedConfig load_config(const std::string& path, const std::vector<std::string>& overrides,
                         Diagnostics& diagnostics) {
  ConfigText config = open_config(path);
  const bool embedded = config.embedded;
  const std::string stem = embedded ? config.name.substr(0, config.name.size() - 5) : "";
  LoadedConfig loaded;
  loaded.source = {.name = embedded ? stem + " (built in)" : path,
                   .directory = embedded ? "" : config.directory,
                   .embedded = embedded};
  loaded.text = config.text;
  const std::size_t before = diagnostics.list().size();
  loaded.root = read_chain({std::move(config)}, diagnostics);
  apply_overrides(overrides, loaded.root, diagnostics);
  const std::vector<Diagnostic>& list = diagnostics.list();
  loaded.complete = std::all_of(list.begin() + static_cast<std::ptrdiff_t>(before), list.end(),
                                [](const Diagnostic& d) { return d.short_name == "duplicate-key"; });
  return loaded;
}

}  // namespace moesim
