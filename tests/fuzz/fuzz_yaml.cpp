// Any bytes as YAML: never more than diagnostics, and a tree within the limits of config/yaml.h.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>

#include "config/yaml.h"
#include "core/text.h"
#include "fuzz_check.h"

namespace {

using moesim::fuzz_check;
using moesim::Node;

constexpr int kMostDepth = 32;
constexpr std::size_t kMostNodes = 100'000;
constexpr std::size_t kLongestScalar = 64 * 1024;

// Counts the nodes below and including `node`; a scalar at the top has depth 1. Ends at the limits, so that a
// tree that breaks them cannot exhaust the stack here.
std::size_t count_nodes(const Node& node, int depth) {
  fuzz_check(depth <= kMostDepth + 1, "the tree is not deeper than 32 collections");
  fuzz_check(node.text.size() <= kLongestScalar, "a scalar is not longer than 64 KiB");
  fuzz_check(node.kind == Node::Kind::list || node.items.empty(), "only lists have items");
  fuzz_check(node.kind == Node::Kind::map || node.entries.empty(), "only maps have entries");
  std::size_t count = 1;
  for (const Node& item : node.items) {
    count += count_nodes(item, depth + 1);
  }
  std::set<std::string_view> keys;
  for (const Node::Entry& entry : node.entries) {
    fuzz_check(keys.insert(entry.key).second, "keys are unique");
    count += count_nodes(entry.value, depth + 1);
  }
  fuzz_check(count <= kMostNodes, "the tree has at most 100,000 nodes");
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  moesim::Diagnostics diagnostics;
  const Node tree = moesim::parse_yaml(text, "input.yaml", diagnostics);
  count_nodes(tree, 1);
  if (moesim::find_invalid_utf8(text) != text.size()) {
    fuzz_check(!diagnostics.empty(), "text that is not UTF-8 is refused");
  }
  for (const moesim::Diagnostic& diagnostic : diagnostics.list()) {
    fuzz_check(!diagnostic.what.empty() && !diagnostic.short_name.empty(), "a diagnostic says what is wrong");
    const std::string shown = moesim::render(diagnostic);
    fuzz_check(moesim::find_invalid_utf8(shown) == shown.size(), "a message is UTF-8");
    fuzz_check(shown.find('\x1b') == std::string::npos, "a message cannot talk to the terminal");
  }
  return 0;
}
