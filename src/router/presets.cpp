// Named routers are data: configs/presets/routers.yaml, part of the binary. Per name: summary, used_by,
// origin, router (a section as one would write it in a config); where there is one, variant_of; for routers
// with limited room, capacity.

#include "config/yaml.h"
#include "core/error.h"
#include "io/assets.h"
#include "router/router.h"

namespace moesim {
namespace {

constexpr const char* kAsset = "presets/routers.yaml";

// So that `validate --resolved` and errors say which preset a value is from.
void place_at(const Location& where, Node& node) {
  node.where = where;
  for (Node& item : node.items) {
    place_at(where, item);
  }
  for (Node::Entry& entry : node.entries) {
    entry.where = where;
    place_at(where, entry.value);
  }
}

std::string text_of(const Node& preset, const std::string& name, const char* key) {
  const Node* value = preset.child(key);
  MOESIM_CHECK(value != nullptr && value->kind == Node::Kind::scalar,
               "preset " + name + " has no " + std::string(key));
  return value->text;
}

Node section_of(const Node& preset, const std::string& name, const char* key) {
  const Node* value = preset.child(key);
  Node section = value == nullptr ? Node{} : *value;
  place_at({.source = "preset " + name}, section);
  return section;
}

std::vector<RouterPreset> read_presets() {
  const Asset* asset = find_asset(kAsset);
  MOESIM_CHECK(asset != nullptr, std::string("the binary lacks ") + kAsset);
  Diagnostics diagnostics;
  const Node root = parse_yaml(asset->bytes, kAsset, diagnostics);
  MOESIM_CHECK(diagnostics.empty(), diagnostics.render_all());
  std::vector<RouterPreset> presets;
  for (const Node::Entry& entry : root.entries) {
    const std::string& name = entry.key;
    presets.push_back({.name = name,
                       .summary = text_of(entry.value, name, "summary"),
                       .used_by = text_of(entry.value, name, "used_by"),
                       .origin = text_of(entry.value, name, "origin"),
                       .variant_of = entry.value.child("variant_of") == nullptr
                                         ? ""
                                         : text_of(entry.value, name, "variant_of"),
                       .section = section_of(entry.value, name, "router"),
                       .capacity = section_of(entry.value, name, "capacity")});
    MOESIM_CHECK(presets.back().section.child("kind") != nullptr, "preset " + name + " has no kind");
  }
  return presets;
}

}  // namespace

const Catalogue<RouterPreset>& router_presets() {
  static const Catalogue<RouterPreset> list(read_presets());
  return list;
}

const Node* preset_capacity(const Node& router_section) {
  const Node* name = router_section.child("preset");
  const RouterPreset* preset = name == nullptr ? nullptr : router_presets().find(name->text);
  return preset == nullptr || preset->capacity.kind == Node::Kind::null ? nullptr : &preset->capacity;
}

}  // namespace moesim
