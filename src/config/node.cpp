// Lookup in the tree, and places as text.
#include "config/node.h"

namespace moesim {

std::string Location::text() const {
  if (line < 1) {
    return source;
  }
  return source + ":" + std::to_string(line) + ":" + std::to_string(column);
}

const Node::Entry* Node::find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) {
      return &entry;
    }
  }
  return nullptr;
}

Node::Entry* Node::find(std::string_view key) {
  return const_cast<Entry*>(static_cast<const Node*>(this)->find(key));
}

const Node* Node::child(std::string_view key) const {
  const Entry* entry = find(key);
  return entry == nullptr ? nullptr : &entry->value;
}

Node scalar_section(const std::vector<std::pair<std::string, std::string>>& values) {
  Node section;
  section.kind = Node::Kind::map;
  for (const auto& [key, text] : values) {
    Node::Entry& entry = section.entries.emplace_back();
    entry.key = key;
    entry.value.kind = Node::Kind::scalar;
    entry.value.text = text;
  }
  return section;
}

}  // namespace moesim
