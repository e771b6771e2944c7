#pragma once
// From a config's name to one tree: the file it extends, the file, then the --set overrides.

#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/node.h"

namespace moesim {

// What relative paths in a config are relative to.
struct ConfigSource {
  std::string name;       // as the user typed it, or "quickstart (built in)"
  std::string directory;  // of the file; unused when embedded
  bool embedded = false;
};

struct LoadedConfig {
  Node root;  // a map
  ConfigSource source;
  std::string text;  // the file as given
  // False when something (other than duplicate keys) kept a part of the file, or of one that it extends, from
  // reaching the tree: keys may be missing from it that the user wrote.
  bool complete = true;
};

// `path` is a file, or the name of an embedded config ("quickstart", with or without .yaml) when no such file
// exists. Throws Error(missing_input) when neither exists (with a suggestion). Problems of the text go to
// `diagnostics`.
//
// extends: a path relative to the file, with neither ".." nor a leading "/", not leaving the file's folder
// through a symbolic link; chains are followed, cycles are an error. Maps are merged key by key, the
// extending file's values win, lists and scalars are replaced whole. In a section where the extending file or
// an override changes `kind` or `preset`, the whole section is replaced: keys of the old variant do not
// linger. The word none in the place of an optional section leaves it out, like null.
//
// overrides: "a.b=value" each; value as in parse_yaml_value; "section=none" removes an optional section
// (workload, router, layer stay): its node is then null, with the override as its place, so that a preset
// does not bring it back. Sections come before their keys, `kind` and `preset` before their siblings; else
// the last of two wins. Below `sweep` the rest of the path is one key. A key path with an empty or impossible
// part is an error at "--set …".
LoadedConfig load_config(const std::string& path, const std::vector<std::string>& overrides,
                         Diagnostics& diagnostics);

}  // namespace moesim
