// moesim routers: the families and the named presets.

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/session.h"
#include "config/suggest.h"
#include "config/yaml.h"
#include "core/error.h"
#include "core/text.h"
#include "io/files.h"
#include "report/numbers.h"
#include "report/router_reference.h"
#include "router/router.h"

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

Json preset_json(const RouterPreset& preset) {
  Json stages = Json::object();
  for (const Node::Entry& entry : preset.section.entries) {
    stages[entry.key] = entry.value.text;
  }
  Json capacity = Json::object();
  for (const Node::Entry& entry : preset.capacity.entries) {
    capacity[entry.key] = entry.value.text;
  }
  Json object = {{"name", preset.name},       {"type", "preset"},        {"summary", preset.summary},
                 {"used_by", preset.used_by}, {"source", preset.origin}, {"variant_of", preset.variant_of},
                 {"stages", stages}};
  object["capacity"] = capacity.empty() ? Json(nullptr) : capacity;
  object["beyond_defaults"] = stages_beyond_defaults(preset);
  object["traits"] = traits_in_words(traits_of_preset(preset.name));
  object["config"] = fmt::format("router: {{preset: {}}}", preset.name);
  return object;
}

Json family_json(const RouterFamily& family) {
  Json parameters = Json::array();
  for (const FieldInfo& field : family.fields()) {
    parameters.push_back({{"name", field.name},
                          {"type", field.type},
                          {"default", field.default_text},
                          {"expected", field.expected},
                          {"doc", field.doc}});
  }
  return {{"name", family.name},
          {"type", "family"},
          {"summary", family.summary},
          {"source", family.origin},
          {"parameters", parameters},
          {"traits", traits_in_words(traits_of_family(family.name))},
          {"config", "router: " + print_yaml_value(example_section(family))}};
}

constexpr int kNameWidth = 26;

std::string table() {
  std::string text = "FAMILIES  (router: {kind: NAME, …})\n";
  for (const RouterFamily& family : router_families().entries()) {
    text += fmt::format("  {} {}\n", pad_to(family.name, kNameWidth), family.summary);
  }
  text += "\nPRESETS  (router: {preset: NAME}, single stages may be overridden beside it)\n";
  for (const RouterPreset& preset : router_presets().entries()) {
    text += fmt::format("  {} {}\n", pad_to(preset.name, kNameWidth), preset.summary);
  }
  return text +
         "\nnext    moesim routers NAME      stages, users and source of one of them\n"
         "        moesim routers Qwen3     those that name a model, a program or a source\n";
}

std::string traits_line(const RouterTraits& traits) {
  return fmt::format("traits   {}\n", in_one_line(traits_in_words(traits)));
}

std::string describe(const RouterPreset& preset) {
  const std::vector<std::string> stages = stages_beyond_defaults(preset);
  std::string text = fmt::format("{}  {}\n\nused by  {}\nsource   {}\n", preset.name, preset.summary,
                                 preset.used_by, preset.origin) +
                     traits_line(traits_of_preset(preset.name)) +
                     fmt::format("stages   {}, {}\n", preset.section.child("kind")->text,
                                 stages.empty() ? "all by default" : "but " + in_one_line(stages));
  if (!preset.variant_of.empty()) {
    text += fmt::format("variant  of {}: {}\n", preset.variant_of, stages_in_words(preset));
  }
  text += fmt::format("\nto copy:\n\nrouter:\n  preset: {}\n\nwhich stands for:\n\nrouter:\n", preset.name);
  for (const Node::Entry& entry : preset.section.entries) {
    text += fmt::format("  {}: {}\n", entry.key, entry.value.text);
  }
  if (preset.capacity.kind == Node::Kind::map) {
    text += "capacity:\n";
    for (const Node::Entry& entry : preset.capacity.entries) {
      text += fmt::format("  {}: {}\n", entry.key, entry.value.text);
    }
  }
  return text;
}

std::string describe(const RouterFamily& family) {
  std::string text = fmt::format("{}  {}\n\nsource   {}\n", family.name, family.summary, family.origin) +
                     traits_line(traits_of_family(family.name)) +
                     fmt::format("\nrouter:\n  kind: {}\n", family.name);
  const Node example = example_section(family);
  for (const FieldInfo& field : family.fields()) {
    const Node* given = example.child(field.name);
    const std::string& value = given == nullptr ? field.default_text : given->text;
    text += fmt::format("  {:<32} # {} ({})\n", fmt::format("{}: {}", field.name, value), field.doc,
                        field.expected);
  }
  return text;
}

// Letters and digits alone, in lower case: "Mixtral-8x7B" is found in "mixtral 8x7b".
std::string searchable(const std::string& text) {
  std::string plain;
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z') {
      plain += static_cast<char>(c - 'A' + 'a');
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 128) {
      plain += c;
    }
  }
  return plain;
}

// The presets that name the word: in their name, what they are, who uses them, or their source.
std::vector<const RouterPreset*> presets_about(const std::string& word) {
  std::vector<const RouterPreset*> found;
  const std::string wanted = searchable(word);
  for (const RouterPreset& preset : router_presets().entries()) {
    const auto names_it = [&wanted](const std::string& text) {
      return searchable(text).find(wanted) != std::string::npos;
    };
    if (!wanted.empty() && (names_it(preset.name) || names_it(preset.summary) || names_it(preset.used_by) ||
                            names_it(preset.origin))) {
      found.push_back(&preset);
    }
  }
  return found;
}

std::string table_of(const std::vector<const RouterPreset*>& presets, const std::string& word) {
  constexpr std::size_t kUsers = 70;
  std::string text = fmt::format("PRESETS  that name '{}'\n", display_safe(word));
  for (const RouterPreset* preset : presets) {
    text += fmt::format("  {} {}\n", pad_to(preset->name, kNameWidth), shorten_text(preset->used_by, kUsers));
  }
  return text + fmt::format("\nnext    moesim routers {}\n", presets.front()->name);
}

}  // namespace

int routers_command(const RoutersArguments& arguments) {
  const bool json = parse_choice_option("-o", arguments.output, {"table", "json"}) == "json";
  Json list = Json::array();
  std::string text;
  std::vector<std::string> names;
  for (const RouterFamily& family : router_families().entries()) {
    names.push_back(family.name);
    if (arguments.name.empty() || arguments.name == family.name) {
      if (router_presets().find(family.name) == nullptr) {  // else its preset has the name, and says all
        list.push_back(family_json(family));
      }
      text += describe(family);
    }
  }
  for (const RouterPreset& preset : router_presets().entries()) {
    names.push_back(preset.name);
    if (arguments.name.empty() || arguments.name == preset.name) {
      list.push_back(preset_json(preset));
      if (const RouterFamily* family = router_families().find(preset.name); family != nullptr) {
        list.back()["parameters"] = family_json(*family)["parameters"];
      }
      text += describe(preset);
    }
  }
  const std::vector<const RouterPreset*> found =
      list.empty() ? presets_about(arguments.name) : std::vector<const RouterPreset*>();
  for (const RouterPreset* preset : found) {
    list.push_back(preset_json(*preset));
  }
  if (!found.empty()) {
    text = table_of(found, arguments.name);
  }
  if (list.empty()) {
    const std::string near = suggest(arguments.name, names);
    throw Error(
        ErrorKind::usage,
        fmt::format(
            "moesim routers {0}: error: no router is called '{0}', and none names it; expected a name that "
            "`moesim routers` lists, or a model or program among their users [unknown-variant]",
            display_safe(arguments.name)),
        near.empty() ? "'moesim routers' lists them all" : fmt::format("did you mean '{}'?", near));
  }
  write_stdout(json ? list.dump(2) + "\n" : arguments.name.empty() ? table() : text);
  return 0;
}

}  // namespace moesim
