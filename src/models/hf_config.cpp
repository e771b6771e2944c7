#include "models/hf_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/scalars.h"
#include "config/suggest.h"
#include "core/error.h"
#include "core/text.h"
#include "io/descriptor.h"
#include "io/files.h"
#include "models/hf_families.h"
#include "models/json_tree.h"
#include "router/router.h"

namespace moesim {
namespace {

constexpr const char* kText = "text_config";

std::vector<HfFamily> all_families() {
  std::vector<HfFamily> all;
  for (const auto list : {softmax_families(), deepseek_families(), other_families()}) {
    all.insert(all.end(), list.begin(), list.end());
  }
  return all;
}

const HfFamily* find_family(const std::string& model_type) {
  static const std::vector<HfFamily> all = all_families();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const HfFamily& family) { return model_type == family.model_type; });
  return found == all.end() ? nullptr : &*found;
}

[[noreturn]] void refuse(const std::string& where, const std::string& what, const std::string& expected,
                         const char* short_name, const std::string& help = {}) {
  throw Error(ErrorKind::bad_data,
              display_safe(fmt::format("{}: error: {}; expected {} [{}]", where, what, expected, short_name)),
              display_safe(help));
}

struct Chosen {
  const HfFamily* family = nullptr;
  std::string prefix;
};

std::string supported() {
  std::string list;
  for (const std::string& name : hf_model_types()) {
    list += (list.empty() ? "" : ", ") + name;
  }
  return "one of " + list;
}

// The model_type at `prefix`, or "" when there is none.
std::string model_type_at(const Node& section, const std::string& prefix, const std::string& where) {
  const Node* type = section.child("model_type");
  if (type == nullptr || type->kind == Node::Kind::null) {
    return "";
  }
  if (type->kind != Node::Kind::scalar || !type->quoted) {
    refuse(where, fmt::format("{}model_type: got {}", prefix, describe_node(*type)), supported(),
           "wrong-type");
  }
  return type->text;
}

// Models that see pictures keep the language model's keys in text_config, with a model_type of its own.
Chosen choose_family(const Node& root, const std::string& where) {
  if (root.kind != Node::Kind::map) {
    refuse(where, "got " + describe_node(root), "an object, as in a checkpoint's config.json", "wrong-type");
  }
  const Node* text = root.child(kText);
  if (text != nullptr && text->kind != Node::Kind::null && text->kind != Node::Kind::map) {
    refuse(where, fmt::format("{}: got {}", kText, describe_node(*text)), "an object", "wrong-type");
  }
  const bool nested = text != nullptr && text->kind == Node::Kind::map;
  const std::string prefix = nested ? std::string(kText) + "." : "";
  std::string type = model_type_at(nested ? *text : root, prefix, where);
  std::string path = prefix + "model_type";
  if (type.empty()) {
    type = model_type_at(root, "", where);
    path = "model_type";
  }
  if (type.empty()) {
    refuse(where, "model_type: missing", supported(), "missing-key",
           "is this a checkpoint's config.json? It names the model's architecture under model_type");
  }
  const HfFamily* family = find_family(type);
  if (family == nullptr) {
    const std::string near = suggest(type, hf_model_types());
    refuse(where, fmt::format("{}: unknown model type '{}'", path, shorten(type)), supported(),
           "unknown-variant", near.empty() ? "" : fmt::format("did you mean '{}'?", near));
  }
  return {family, prefix};
}

// A last net: whatever the checks above let through, the section must make a router.
void check_router(const ModelShape& shape, const std::string& where) {
  Binder binder;
  LayerShape pool = shape.moe;
  pool.num_experts = shape.moe.pool_size();
  if (make_router(binder, &shape.router, pool) == nullptr) {
    const std::string problems =
        binder.diagnostics.empty() ? where : render(binder.diagnostics.list().front());
    throw Error(ErrorKind::bad_data, problems.substr(0, problems.find('\n')));
  }
}

}  // namespace

std::vector<std::string> hf_model_types() {
  std::vector<std::string> types;
  for (const HfFamily& family : all_families()) {
    types.emplace_back(family.model_type);
  }
  std::sort(types.begin(), types.end());
  return types;
}

ModelShape read_hf_config(std::string_view json, const std::string& where, std::vector<HfKey>* keys) {
  if (json.size() > kLargestHfConfig) {
    refuse(where, fmt::format("{} bytes", json.size()), fmt::format("at most {}", kLargestHfConfig),
           "file-too-large");
  }
  const Node root = parse_json(json, where);
  const auto [family, prefix] = choose_family(root, where);
  ModelShape shape;
  shape.name = family->model_type;
  shape.model_type = family->model_type;
  HfReader reader(root, where, prefix, family->model_type, keys);
  family->read(reader, shape);
  check_router(shape, where);
  return shape;
}

ModelShape read_hf_config_file(const std::string& path, std::vector<HfKey>* keys) {
  return read_hf_config(read_file(path, kLargestHfConfig), shown_path(path), keys);
}

}  // namespace moesim
