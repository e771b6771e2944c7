// The `router:` section of a config → the router.

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include <optional>

#include "core/error.h"
#include "router/variants.h"

namespace moesim {
namespace {

// What the section names: a family, and the section with the preset's stages merged in.
struct Choosing {
  const RouterFamily* family = nullptr;
  Node section;
};

struct Unknown {
  std::string key;   // "kind" or "preset"
  std::string name;  // as the user wrote it
  std::string noun;  // "router" or "router preset"
  std::vector<std::string> names;
  std::string other_key;  // the key under which `name` is a known name, or empty
};

// What people call a family after its best known step.
constexpr std::pair<const char*, const char*> kOtherWords[] = {{"top_k", "token_choice"},
                                                               {"topk", "token_choice"},
                                                               {"top_p", "token_choice"},
                                                               {"softmax", "token_choice"}};

// "did you mean 'qwen3_moe' or 'qwen3_moe_torchtitan'?": the first names that begin with what was written;
// "" when none does.
std::string names_that_begin(const Unknown& unknown) {
  constexpr std::size_t kMost = 4;
  constexpr std::size_t kShortest = 3;
  std::vector<std::string> names;
  for (const std::string& name : unknown.names) {
    if (unknown.name.size() >= kShortest && name.rfind(unknown.name, 0) == 0) {
      names.push_back(name);
    }
  }
  std::string text;
  const std::size_t shown = std::min(names.size(), kMost);
  for (std::size_t i = 0; i < shown; ++i) {
    text += fmt::format("{}'{}'", i == 0 ? "did you mean " : i + 1 == names.size() ? " or " : ", ", names[i]);
  }
  return text + (text.empty() ? "" : names.size() > shown ? ", …? 'moesim routers' lists them all" : "?");
}

// What to type in its place.
std::string help_for(const Unknown& unknown) {
  if (!unknown.other_key.empty()) {
    return fmt::format("write {}: {}", unknown.other_key, unknown.name);
  }
  if (const std::string names = names_that_begin(unknown); !names.empty()) {
    return names;
  }
  for (const auto& [word, name] : kOtherWords) {
    if (unknown.name == word &&
        std::find(unknown.names.begin(), unknown.names.end(), name) != unknown.names.end()) {
      return fmt::format("write {}: {}", unknown.key, name);
    }
  }
  const std::string near = suggest(unknown.name, unknown.names);
  return near.empty() ? "'moesim routers' lists them all" : fmt::format("did you mean '{}'?", near);
}

void report_unknown(Binder& binder, const Unknown& unknown) {
  const std::string few = list_choices(unknown.names);
  binder.error("router." + unknown.key, fmt::format("unknown {} '{}'", unknown.noun, unknown.name),
               few.empty() ? "a name that 'moesim routers' lists" : "one of " + few, "unknown-variant",
               help_for(unknown));
}

// The name under `key`, or nothing after reporting what is no name.
std::optional<std::string> name_under(Binder& binder, const Node& section, const char* key) {
  std::string name;
  ScalarProblem problem;
  if (!read_text(*section.child(key), name, problem)) {
    binder.error(fmt::format("router.{}", key), problem.got, "a name", "wrong-type",
                 "'moesim routers' lists them all");
    return std::nullopt;
  }
  return name;
}

Choosing choose_kind(Binder& binder, const Node& section) {
  const std::optional<std::string> given = name_under(binder, section, "kind");
  if (!given) {
    return {};
  }
  const std::string& name = *given;
  const RouterFamily* family = router_families().find(name);
  if (family == nullptr) {
    report_unknown(binder, {.key = "kind",
                            .name = name,
                            .noun = "router",
                            .names = router_families().names(),
                            .other_key = router_presets().find(name) == nullptr ? "" : "preset"});
    return {};
  }
  binder.resolved.push_back({"router.kind", name, section.child("kind")->where.text()});
  return {family, section};
}

Choosing choose_preset(Binder& binder, const Node& section) {
  const std::optional<std::string> given = name_under(binder, section, "preset");
  if (!given) {
    return {};
  }
  const std::string& name = *given;
  const RouterPreset* preset = router_presets().find(name);
  if (preset == nullptr) {
    report_unknown(binder, {.key = "preset",
                            .name = name,
                            .noun = "router preset",
                            .names = router_presets().names(),
                            .other_key = router_families().find(name) == nullptr ? "" : "kind"});
    return {};
  }
  Choosing chosen{router_families().find(preset->section.child("kind")->text), preset->section};
  MOESIM_CHECK(chosen.family != nullptr, "preset " + name + " is of no known kind");
  binder.resolved.push_back({"router.preset", name, section.child("preset")->where.text()});
  binder.resolved.push_back({"router.kind", chosen.family->name, "preset " + name});
  chosen.section.where = section.where;
  for (const Node::Entry& entry : section.entries) {
    if (Node::Entry* stage = chosen.section.find(entry.key)) {
      *stage = entry;
    } else {
      chosen.section.entries.push_back(entry);
    }
  }
  return chosen;
}

Choosing choose(Binder& binder, const Node* section) {
  if (section == nullptr || section->kind == Node::Kind::null) {
    binder.error("router", "missing", "a section such as {preset: mixtral}", "missing-key",
                 "write router: {preset: mixtral}; 'moesim routers' lists them all");
    return {};
  }
  if (section->kind != Node::Kind::map) {
    binder.error("router", "got " + describe_node(*section), "a section such as {preset: mixtral}",
                 "wrong-type");
    return {};
  }
  const bool has_kind = section->child("kind") != nullptr;
  const bool has_preset = section->child("preset") != nullptr;
  if (has_kind && has_preset) {
    binder.error("router.kind", "'kind' and 'preset' are both given", "one of them", "preset-and-kind",
                 "leave out kind: a preset names its kind, and keys beside it replace single stages",
                 {{binder.locate("router.preset"), "router.preset is given here"}});
    return {};
  }
  if (!has_kind && !has_preset) {
    binder.error("router", "neither 'kind' nor 'preset' is given", "one of them", "missing-key",
                 "write preset: mixtral, or kind: token_choice; 'moesim routers' lists them all");
    return {};
  }
  return has_kind ? choose_kind(binder, *section) : choose_preset(binder, *section);
}

}  // namespace

std::unique_ptr<Router> make_router(Binder& binder, const Node* section, const LayerShape& shape) {
  const Choosing chosen = choose(binder, section);
  return chosen.family == nullptr ? nullptr : chosen.family->make(binder, chosen.section, shape);
}

std::string router_name_of(const std::vector<ResolvedValue>& resolved) {
  std::string name;
  for (const ResolvedValue& value : resolved) {
    if (value.path == "router.preset" || (value.path == "router.kind" && name.empty())) {
      name = value.value;
    }
  }
  return name;
}

}  // namespace moesim
