// Merging of trees.
#include "config/merge.h"

#include <string>
#include <utility>

namespace moesim {

bool names_variant(std::string_view key) {
  return key == "kind" || key == "preset";
}

bool changes_variant(const Node& section, std::string_view key, const Node& value) {
  if (section.child("kind") == nullptr && section.child("preset") == nullptr) {
    return false;
  }
  const Node* old = section.child(key);
  return old == nullptr || old->kind != Node::Kind::scalar || value.kind != Node::Kind::scalar ||
         old->text != value.text;
}

Node& set_entry(Node& map, std::string_view key, const Location& where, Node value) {
  if (Node::Entry* entry = map.find(key)) {
    entry->where = where;
    entry->value = std::move(value);
    return entry->value;
  }
  map.entries.push_back({std::string(key), where, std::move(value)});
  return map.entries.back().value;
}

Node merge(Node base, const Node& over) {
  if (base.kind != Node::Kind::map || over.kind != Node::Kind::map) {
    return over;
  }
  for (const Node::Entry& entry : over.entries) {
    if (names_variant(entry.key) && changes_variant(base, entry.key, entry.value)) {
      return over;
    }
  }
  base.where = over.where;
  for (const Node::Entry& entry : over.entries) {
    Node::Entry* old = base.find(entry.key);
    Node value = old == nullptr ? entry.value : merge(std::move(old->value), entry.value);
    set_entry(base, entry.key, entry.where, std::move(value));
  }
  return base;
}

}  // namespace moesim
