#pragma once
// A config as a tree in which every key and value knows its place. Built by config/yaml.cpp (the only file
// that sees yaml-cpp), by overrides and by presets; read by config/binder.h.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moesim {

// Where a value comes from. A file position has line >= 1; anything else ("--set router.top_k=4",
// "preset mixtral", "default") has line 0 and is printed as its source alone.
struct Location {
  std::string source;
  int line = 0;
  int column = 0;  // in characters, from 1

  std::string text() const;  // "file.yaml:3:7" or the source alone
};

struct Node {
  enum class Kind { null, scalar, list, map };
  struct Entry;

  Kind kind = Kind::null;
  std::string text;            // of a scalar, as meant (quotes removed)
  bool quoted = false;         // a scalar in quotes is text, never a number or a boolean
  Location where;              // of the value
  std::vector<Node> items;     // of a list
  std::vector<Entry> entries;  // of a map, in order; keys are unique
  bool partial = false;        // a section that overrides of single keys made: a preset's may stand behind it

  const Entry* find(std::string_view key) const;
  Entry* find(std::string_view key);
  const Node* child(std::string_view key) const;  // the value, or nullptr
};

struct Node::Entry {
  std::string key;
  Location where;  // of the key
  Node value;
};

// A section of these keys and scalars, as a config would have it; its places are empty.
Node scalar_section(const std::vector<std::pair<std::string, std::string>>& values);

}  // namespace moesim
