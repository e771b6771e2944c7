// Reading, ordering and applying overrides.
#include "config/overrides.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "config/merge.h"
#include "config/scalars.h"
#include "config/yaml.h"
#include "core/text.h"

namespace moesim {
namespace {

constexpr std::size_t kDeepest = 8;  // no key of a config lies deeper

struct Override {
  Location where;  // "--set a.b=value"
  std::string key;
  std::vector<std::string> parts;
  Node value;
  bool removes = false;  // the value is the word none

  bool names_variant() const { return parts.size() > 1 && moesim::names_variant(parts.back()); }
  std::string section() const { return key.substr(0, key.rfind('.')); }
};

struct Words {
  std::string what;
  std::string expected;
  std::string help;
};

void report(Diagnostics& diagnostics, const Override& override, Words words,
            std::vector<std::pair<Location, std::string>> notes = {}) {
  diagnostics.add({.where = override.where,
                   .key = override.key,
                   .what = std::move(words.what),
                   .expected = std::move(words.expected),
                   .short_name = "bad-override",
                   .help = std::move(words.help),
                   .notes = std::move(notes)});
}

bool is_part(std::string_view part) {
  return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  });
}

std::vector<std::string> split(const std::string& key) {
  std::vector<std::string> parts(1);
  for (const char c : key) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::optional<Override> parse_override(const std::string& text, Diagnostics& diagnostics) {
  Override override;
  override.where.source = "--set " + text;
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) {
    report(diagnostics, override, {"no '='", "key=value", "for example --set router.top_k=4"});
    return std::nullopt;
  }
  const std::string key = text.substr(0, equals);
  override.parts = split(key);
  for (const std::string& part : override.parts) {
    if (!is_part(part)) {
      report(diagnostics, override,
             {part.empty() ? "an empty part in the key '" + shorten(key) + "'"
                           : "'" + shorten(part) + "' cannot be a part of a key",
              "letters, digits and '_' between dots", "for example --set router.top_k=4"});
      return std::nullopt;
    }
  }
  if (override.parts.size() > kDeepest) {
    report(
        diagnostics, override,
        {fmt::format("a key with {} parts", override.parts.size()), fmt::format("at most {}", kDeepest), ""});
    return std::nullopt;
  }
  override.key = key;
  if (override.parts[0] == "sweep" && override.parts.size() > 1) {
    override.parts = {"sweep", key.substr(6)};
  }
  if (key == "extends") {
    report(diagnostics, override, {"cannot be set on the command line", "", "write it into a file"});
    return std::nullopt;
  }
  const std::size_t problems = diagnostics.list().size();
  const std::string value = text.substr(equals + 1);
  if (value.find_first_not_of(' ') == std::string::npos) {
    report(diagnostics, override,
           {"no value behind '='", "key=value", "leave the override out to keep what the config says"});
    return std::nullopt;
  }
  override.value = parse_yaml_value(value, override.where, diagnostics);
  override.removes = override.parts.size() == 1 && value == "none";
  return diagnostics.list().size() == problems ? std::optional<Override>(std::move(override)) : std::nullopt;
}

// What stands in the way when a part of the path is no section; nullptr when nothing does.
const Node* find_obstacle(const Node& root, const Override& override, std::string& path) {
  const Node* node = &root;
  for (std::size_t i = 0; i + 1 < override.parts.size() && node != nullptr; ++i) {
    path += (path.empty() ? "" : ".") + override.parts[i];
    node = node->child(override.parts[i]);
    if (node != nullptr && node->kind != Node::Kind::map && node->kind != Node::Kind::null) {
      return node;
    }
  }
  return nullptr;
}

void report_obstacle(Diagnostics& diagnostics, const Override& override, const Node& obstacle,
                     const std::string& path) {
  const bool is_list = obstacle.kind == Node::Kind::list;
  std::vector<std::pair<Location, std::string>> notes;
  if (obstacle.where.line > 0) {
    notes.emplace_back(obstacle.where, "it stands here");
  }
  report(diagnostics, override,
         {fmt::format("{} is {}", path, describe_node(obstacle)), "a section",
          is_list ? fmt::format("set the whole list: --set '{}=[…]'", path)
                  : fmt::format("set the value itself: --set {}=…", path)},
         std::move(notes));
}

Node& section_of(Node& root, const Override& override) {
  Node* node = &root;
  for (std::size_t i = 0; i + 1 < override.parts.size(); ++i) {
    Node::Entry* entry = node->find(override.parts[i]);
    Node fresh;
    fresh.kind = Node::Kind::map;
    fresh.where = override.where;
    fresh.partial = entry == nullptr;
    const bool usable = entry != nullptr && entry->value.kind == Node::Kind::map;
    node = usable ? &entry->value : &set_entry(*node, override.parts[i], override.where, std::move(fresh));
  }
  return *node;
}

// Whether any of the overrides makes the section of `override` another variant.
bool section_changes(const std::vector<Override>& all, const Override& override, const Node& section) {
  return std::any_of(all.begin(), all.end(), [&](const Override& other) {
    return other.names_variant() && other.section() == override.section() &&
           changes_variant(section, other.parts.back(), other.value);
  });
}

bool remove_section(const Override& override, Node& root, Diagnostics& diagnostics) {
  const Node* old = root.child(override.key);
  if (old != nullptr && old->kind == Node::Kind::scalar) {
    return false;
  }
  for (const char* needed : {"layer", "workload", "router"}) {
    if (override.key == needed) {
      report(diagnostics, override,
             {"this section cannot be removed", "its keys",
              fmt::format("for example --set '{}={{…}}'", override.key)});
      return true;
    }
  }
  Node nothing;
  nothing.where = override.where;
  set_entry(root, override.key, override.where, std::move(nothing));
  return true;
}

}  // namespace

void apply_overrides(const std::vector<std::string>& overrides, Node& root, Diagnostics& diagnostics) {
  std::vector<Override> parsed;
  for (const std::string& text : overrides) {
    if (std::optional<Override> override = parse_override(text, diagnostics)) {
      parsed.push_back(std::move(*override));
    }
  }
  const auto rank = [](const Override& o) { return 2 * o.parts.size() - (o.names_variant() ? 1 : 0); };
  std::stable_sort(parsed.begin(), parsed.end(),
                   [&](const Override& a, const Override& b) { return rank(a) < rank(b); });
  std::set<std::string> settled;  // sections whose variant this command has chosen
  for (const Override& override : parsed) {
    std::string path;
    if (const Node* obstacle = find_obstacle(root, override, path)) {
      report_obstacle(diagnostics, override, *obstacle, path);
      continue;
    }
    if (override.removes && remove_section(override, root, diagnostics)) {
      continue;
    }
    Node& section = section_of(root, override);
    if (override.names_variant() && settled.insert(override.section()).second &&
        section_changes(parsed, override, section)) {
      section.entries.clear();
      section.where = override.where;
    }
    set_entry(section, override.parts.back(), override.where, override.value);
  }
}

std::string override_options(const std::vector<ResolvedValue>& resolved, const std::string& but) {
  const std::string option = "--set ";
  std::string options;
  std::set<std::string> seen;  // an override of a section is the origin of all its keys
  for (const ResolvedValue& value : resolved) {
    if (value.origin.rfind(option, 0) != 0 || !seen.insert(value.origin).second) {
      continue;
    }
    const std::string text = value.origin.substr(option.size());
    const std::string key = text.substr(0, text.find('='));
    if (but.empty() || (key != but && key.rfind(but + ".", 0) != 0)) {
      options += " --set " + shell_quoted(text);
    }
  }
  return options;
}

std::string config_argument(const std::string& source_name) {
  const std::string built_in = " (built in)";
  const bool ends = source_name.size() > built_in.size() &&
                    source_name.compare(source_name.size() - built_in.size(), built_in.size(), built_in) == 0;
  return shell_quoted(ends ? source_name.substr(0, source_name.size() - built_in.size()) : source_name);
}

}  // namespace moesim
