// Following what a config extends, and applying overrides.
#include "config/load.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "config/config_files.h"
#include "config/merge.h"
#include "config/overrides.h"
#include "config/scalars.h"
#include "config/yaml.h"

namespace moesim {
namespace {

constexpr std::size_t kLongestChain = 16;

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

// "capacity: none" in a file leaves a section out, as --set capacity=none does.
void remove_sections(Node& root) {
  for (const char* optional : {"balance", "baselines", "capacity", "executor", "measure", "sweep"}) {
    Node::Entry* section = root.find(optional);
    if (section != nullptr && section->value.kind == Node::Kind::scalar && section->value.text == "none") {
      Node nothing;
      nothing.where = section->value.where;
      section->value = std::move(nothing);
    }
  }
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
  remove_sections(loaded.root);
  const std::vector<Diagnostic>& list = diagnostics.list();
  loaded.complete = std::all_of(list.begin() + static_cast<std::ptrdiff_t>(before), list.end(),
                                [](const Diagnostic& d) { return d.short_name == "duplicate-key"; });
  apply_overrides(overrides, loaded.root, diagnostics);
  return loaded;
}

}  // namespace moesim
