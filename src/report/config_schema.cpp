#include "report/config_schema.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

// Integers may be written 8, 8.0 or 0x8 (which YAML readers turn into a number).
Json number_type(const FieldInfo& field) {
  Json type = {{"type", field.type == "whole number" ? "integer" : "number"}};
  if (field.has_range) {
    type["minimum"] = field.low;
    type["maximum"] = field.high;
    if (field.type == "whole number") {
      type["minimum"] = static_cast<std::int64_t>(field.low);
      type["maximum"] = field.high >= 9.2e18 ? INT64_MAX : static_cast<std::int64_t>(field.high);
    }
  }
  return type;
}

// What stands where a text is expected is that text, also when it looks like a number.
const Json kText = {"string", "number", "boolean"};

Json type_of(const FieldInfo& field) {
  Json type;
  if (field.type == "whole number" || field.type == "number") {
    type = number_type(field);
  } else if (field.type == "true or false") {
    type = {{"type", "boolean"}};
  } else if (field.type == "list of texts") {
    type = {{"type", "array"}, {"items", {{"type", kText}}}};
  } else if (field.type == "list of numbers") {
    type = {{"type", "array"}, {"items", {{"type", "number"}}}};
  } else if (field.type == "one of") {
    return {{"enum", field.choices}};
  } else {
    type = {{"type", kText}};
  }
  if (!field.choices.empty()) {
    return {{"anyOf", {type, {{"enum", field.choices}}}}};
  }
  return type;
}

Json baseline_names() {
  Json names = Json::array();
  for (const EnumName<Baseline>& entry : enum_names(Baseline{})) {
    names.push_back(entry.name);
  }
  return names;
}

Json property_of(const FieldInfo& field) {
  Json property = type_of(field);
  property["description"] = field.doc;
  return property;
}

Json closed_object(const Json& properties, const std::vector<std::string>& required) {
  Json object = {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
  if (!required.empty()) {
    object["required"] = required;
  }
  return object;
}

Json section_of(const SectionInfo& section, Json properties, std::vector<std::string> required) {
  for (const FieldInfo& field : section.fields) {
    properties[field.name] = property_of(field);
    if (field.required) {
      required.push_back(field.name);
    }
  }
  Json object = closed_object(properties, required);
  object["description"] = section.summary;
  return object;
}

// "workload (kind: text)" → "text"; "" for a section without variants.
std::string variant_of(const std::string& path) {
  const std::size_t colon = path.find(": ");
  return colon == std::string::npos ? "" : path.substr(colon + 2, path.size() - colon - 3);
}

Json null_or(const Json& schema) {
  return {{"anyOf", {{{"type", "null"}}, schema}}};
}

// A section that a config may leave out, also by a word.
Json or_none(const Json& schema) {
  return {{"anyOf", {{{"type", "null"}}, {{"const", "none"}}, schema}}};
}

// A preset is values of a family: its keys may stand beside it.
Json preset_router(const std::vector<SectionInfo>& sections, const std::vector<NamedPreset>& presets,
                   const std::string& family) {
  std::vector<std::string> names;
  for (const NamedPreset& preset : presets) {
    if (preset.family == family) {
      names.push_back(preset.name);
    }
  }
  Json properties = {{"preset", {{"enum", names}}}};
  for (const SectionInfo& section : sections) {
    if (section.path == "router (kind: " + family + ")") {
      for (const FieldInfo& field : section.fields) {
        properties[field.name] = property_of(field);
      }
    }
  }
  return closed_object(properties, {"preset"});
}

Json sweep_section() {
  const Json values = {{"anyOf", {{{"type", "array"}, {"minItems", 1}}, {{"type", "string"}}}}};
  return {{"type", "object"},
          {"properties",
           {{"where", {{"type", "string"}}},
            {"zip", {{"type", "array"}, {"items", {{"type", "array"}, {"items", {{"type", "string"}}}}}}},
            {"sample", {{"type", "integer"}, {"minimum", 1}}},
            {"sample_seed", {{"type", "integer"}, {"minimum", 0}, {"maximum", INT64_MAX}}}}},
          {"additionalProperties", values},
          {"description", "axes of a sweep: keys with lists or ranges of values"}};
}

// A file that extends another may leave out what the other says: any keys of the room's variants, none
// required.
Json any_part_of(const std::string& room, const std::vector<SectionInfo>& sections) {
  Json properties = room == "router" ? Json{{"preset", true}} : Json::object();
  for (const SectionInfo& section : sections) {
    if (section.path.rfind(room + " (", 0) == 0) {
      for (const FieldInfo& field : section.fields) {
        properties[field.name] = true;
      }
    }
  }
  return closed_object(properties, {});
}

Json executor_threads() {
  return {{"anyOf", {{{"type", "integer"}, {"minimum", 1}, {"maximum", 1024}}, {{"const", "auto"}}}}};
}

// Every variant of a section, by its kind.
Json any_kind_of(const std::string& room, const std::vector<SectionInfo>& sections) {
  Json variants = Json::array();
  for (const SectionInfo& section : sections) {
    if (section.path.rfind(room + " (", 0) == 0) {
      variants.push_back(section_of(section, {{"kind", {{"const", variant_of(section.path)}}}}, {"kind"}));
    }
  }
  return {{"anyOf", variants}};
}

// The section balance: values of its own, a controller or a list of them, and a stream. `part`: in a file
// that extends another, where any keys of their variants may stand.
Json balance_section(const std::vector<SectionInfo>& sections, bool part) {
  const auto is_balance = [](const SectionInfo& section) { return section.path == "balance"; };
  const SectionInfo& own = *std::find_if(sections.begin(), sections.end(), is_balance);
  const auto named = [&](const std::string& room) {
    const Json whole = {{"$ref", "#/definitions/" + room}};
    return part ? Json{{"anyOf", {whole, any_part_of(room, sections)}}} : whole;
  };
  const Json controller = named("balance.controller");
  Json object = section_of(own, Json::object(), {});
  object["properties"]["controller"] = null_or(controller);
  object["properties"]["controllers"] = null_or(
      {{"type", "array"}, {"minItems", 1}, {"items", {{"$ref", "#/definitions/balance.controller"}}}});
  object["properties"]["stream"] = null_or(named("balance.stream"));
  return or_none(object);
}

struct Rooms {
  Json plain = Json::object();             // sections and values without variants
  std::map<std::string, Json> variants{};  // lists
};

Rooms rooms_of(const std::vector<SectionInfo>& sections) {
  Rooms rooms;
  for (const SectionInfo& section : sections) {
    const std::string room = section.path.substr(0, section.path.find(' '));
    const std::string variant = variant_of(section.path);
    if (room.rfind("balance", 0) == 0) {
      continue;  // it has sections of its own
    }
    if (section.path.empty()) {
      for (const FieldInfo& field : section.fields) {
        rooms.plain[field.name] = property_of(field);
      }
    } else if (room == "baselines") {
      rooms.plain[room] =
          or_none({{"type", "array"}, {"items", {{"enum", baseline_names()}}}, {"uniqueItems", true}});
    } else if (variant.empty()) {
      const Json own = section_of(section, Json::object(), {});
      rooms.plain[room] = room == "layer" ? null_or(own) : or_none(own);
    } else {
      Json own = {{"kind", {{"const", variant}}}};
      std::vector<std::string> required = {"kind"};
      if (room == "executor") {
        own["threads"] = executor_threads();
        required = variant == "tiled" ? std::vector<std::string>{} : required;  // the default kind
      }
      rooms.variants[room].push_back(section_of(section, own, required));
    }
  }
  return rooms;
}

}  // namespace

std::vector<NamedPreset> router_preset_names() {
  std::vector<NamedPreset> presets;
  for (const RouterPreset& preset : router_presets().entries()) {
    presets.push_back({preset.name, preset.section.child("kind")->text});
  }
  return presets;
}

std::string render_config_schema(const std::vector<SectionInfo>& sections,
                                 const std::vector<NamedPreset>& presets) {
  Rooms rooms = rooms_of(sections);
  std::set<std::string> families;
  for (const NamedPreset& preset : presets) {
    if (families.insert(preset.family).second) {
      rooms.variants["router"].push_back(preset_router(sections, presets, preset.family));
    }
  }
  rooms.plain["extends"] = {{"type", "string"}, {"description", "a config in the same folder or below it"}};
  rooms.plain["sweep"] = or_none(sweep_section());
  Json properties = rooms.plain;
  properties["balance"] = true;
  Json whole = {{"balance", balance_section(sections, false)}};
  Json part = {{"balance", balance_section(sections, true)}};
  for (auto& [room, list] : rooms.variants) {
    properties[room] = true;
    whole[room] = room == "executor" ? or_none({{"anyOf", list}}) : Json{{"anyOf", list}};
    list.push_back(any_part_of(room, sections));
    part[room] = room == "executor" ? or_none({{"anyOf", list}}) : Json{{"anyOf", list}};
  }
  Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                 {"title", "moesim config"},
                 {"description", "One experiment, or a sweep of many. Printed by `moesim schema config`."}};
  schema.update(closed_object(properties, {}));
  for (const char* room : {"balance.controller", "balance.stream"}) {
    schema["definitions"][room] = any_kind_of(room, sections);
  }
  schema["if"] = {{"required", {"extends"}}};
  schema["then"] = {{"properties", part}};
  schema["else"] = {{"properties", whole}, {"required", {"router", "workload"}}};
  return schema.dump(2) + "\n";
}

}  // namespace moesim
