#include "report/starter_config.h"

#include <algorithm>
#include <map>
#include <sstream>
#include <string_view>

#include "config/yaml.h"
#include "core/error.h"
#include "core/text.h"
#include "io/assets.h"
#include "router/router.h"

namespace moesim {
namespace {

constexpr std::string_view kFolder = "templates/";
constexpr std::string_view kEnding = ".yaml";
constexpr std::string_view kCommand = "#   ";
constexpr std::string_view kUsualFile = "moesim.yaml";
constexpr int kWidest = 110;        // columns of a line with its comment; longer comments stand above
constexpr int kWidestAligned = 40;  // of a line without it that others are aligned with

std::vector<std::string> lines_of(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

StarterTemplate starter_of(const Asset& asset) {
  const std::string_view path = asset.path;
  StarterTemplate starter;
  starter.name = path.substr(kFolder.size(), path.size() - kFolder.size() - kEnding.size());
  std::vector<std::string> lines = lines_of(asset.bytes);
  MOESIM_CHECK(
      lines.size() > 2 && lines[0].rfind("# yaml-language-server: ", 0) == 0 && lines[1].rfind("# ", 0) == 0,
      "a template begins with its schema and its summary");
  lines.erase(lines.begin());
  starter.summary = lines[0].substr(2);
  for (const std::string& line : lines) {
    starter.text += line + "\n";
    if (line.rfind(kCommand, 0) == 0) {
      starter.commands.push_back(line.substr(kCommand.size()));
    }
  }
  return starter;
}

// The comment of each line of a template that has a key; the first key of a line counts.
class Comments {
 public:
  Comments(const std::vector<SectionInfo>& sections, const Node& root) : sections_(sections), root_(root) {
    visit(root, "");
  }
  const std::map<int, std::string>& by_line() const { return by_line_; }

 private:
  void visit(const Node& map, const std::string& path) {
    for (const Node::Entry& entry : map.entries) {
      const std::string comment = comment_of(map, path, entry);
      if (!comment.empty()) {
        by_line_.emplace(entry.where.line, comment);
      }
      const std::string below = path.empty() ? entry.key : path + "." + entry.key;
      visit(entry.value, below);
      for (const Node& item : entry.value.items) {
        visit(item, below == "balance.controllers" ? "balance.controller" : below);
      }
    }
  }

  std::string comment_of(const Node& map, const std::string& path, const Node::Entry& entry) const {
    const std::size_t dot = entry.key.rfind('.');
    if (path == "sweep" && dot != std::string::npos) {  // an axis is a key of another section
      const std::string place = entry.key.substr(0, dot);
      const Node* section = root_.child(place);
      return field_comment(place, section == nullptr ? "" : kind_in(*section), entry.key.substr(dot + 1));
    }
    if (entry.key == "kind") {
      const SectionInfo* section = find(path, entry.value.text);
      return section == nullptr ? "" : section->summary;
    }
    if (entry.key == "preset" && path == "router") {
      const RouterPreset* preset = router_presets().find(entry.value.text);
      return preset == nullptr ? "" : preset->summary;
    }
    const std::string comment = field_comment(path, kind_in(map), entry.key);
    const SectionInfo* section = find(path.empty() ? entry.key : path + "." + entry.key, "");
    return comment.empty() && section != nullptr ? section->summary : comment;
  }

  static std::string kind_in(const Node& section) {
    if (const Node* kind = section.child("kind")) {
      return kind->text;
    }
    const Node* preset = section.child("preset");
    const RouterPreset* known = preset == nullptr ? nullptr : router_presets().find(preset->text);
    return known == nullptr ? "" : known->section.child("kind")->text;
  }

  const SectionInfo* find(const std::string& place, const std::string& kind) const {
    const std::string path = kind.empty() ? place : place + " (kind: " + kind + ")";
    const auto found = std::find_if(sections_.begin(), sections_.end(),
                                    [&](const SectionInfo& section) { return section.path == path; });
    return found == sections_.end() ? nullptr : &*found;
  }

  std::string field_comment(const std::string& place, const std::string& kind, const std::string& key) const {
    const SectionInfo* section = find(place, kind);
    if (section == nullptr) {
      return "";
    }
    for (const FieldInfo& field : section->fields) {
      if (field.name == key) {
        return field.type == "one of" ? field.doc + "; " + field.expected : field.doc;
      }
    }
    return "";
  }

  const std::vector<SectionInfo>& sections_;
  const Node& root_;
  std::map<int, std::string> by_line_;
};

// The comment in lines of its own.
std::string above(const std::string& comment, const std::string& begin) {
  std::istringstream stream(comment);
  std::string text;
  std::string line = begin;
  for (std::string word; stream >> word;) {
    if (line != begin && display_width(line + word) > kWidest) {
      text += line.substr(0, line.size() - 1) + "\n";
      line = begin;
    }
    line += word + " ";
  }
  return text + line.substr(0, line.size() - 1) + "\n";
}

// Comments that stand in the template itself win.
std::string with_comments(const std::string& text, std::map<int, std::string> comments) {
  std::vector<std::string> lines = lines_of(text);
  int column = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::size_t own = lines[i].find("  # ");
    if (own != std::string::npos) {
      comments[static_cast<int>(i) + 1] = lines[i].substr(own + 4);
      lines[i].resize(own);
    }
    const int width = comments.count(static_cast<int>(i) + 1) == 0 ? 0 : display_width(lines[i]);
    column = std::max(column, width <= kWidestAligned ? width : 0);
  }
  std::string result;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    const auto found = comments.find(static_cast<int>(i) + 1);
    if (found == comments.end()) {
      result += line + "\n";
      continue;
    }
    const std::string padding(std::max(0, column - display_width(line)), ' ');
    const std::string beside = line + padding + "  # " + found->second;
    const std::string indent(line.find_first_not_of(' '), ' ');
    result +=
        display_width(beside) <= kWidest ? beside + "\n" : above(found->second, indent + "# ") + line + "\n";
  }
  return result;
}

}  // namespace

std::vector<StarterTemplate> starter_templates() {
  std::vector<StarterTemplate> starters;
  for (const Asset& asset : assets()) {
    if (std::string_view(asset.path).substr(0, kFolder.size()) == kFolder) {
      starters.push_back(starter_of(asset));
    }
  }
  std::sort(starters.begin(), starters.end(),
            [](const StarterTemplate& a, const StarterTemplate& b) { return a.name < b.name; });
  return starters;
}

std::string command_for_file(std::string command, const std::string& file) {
  const std::size_t at = command.find(kUsualFile);
  return at == std::string::npos ? command : command.replace(at, kUsualFile.size(), file);
}

std::string render_starter_config(const StarterTemplate& starter, const std::vector<SectionInfo>& sections,
                                  const std::string& file, const std::string& schema) {
  Diagnostics diagnostics;
  const Node root = parse_yaml(starter.text, "template " + starter.name, diagnostics);
  MOESIM_CHECK(diagnostics.empty(), "a template is YAML");
  std::string text = "# yaml-language-server: $schema=" + schema + "\n";
  for (const std::string& line : lines_of(with_comments(starter.text, Comments(sections, root).by_line()))) {
    text += (line.rfind(kCommand, 0) == 0 ? command_for_file(line, file) : line) + "\n";
  }
  return text;
}

}  // namespace moesim
