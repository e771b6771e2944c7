// What YamlTree refuses in scalars, and how it reports.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/scalars.h"
#include "config/yaml_syntax.h"
#include "config/yaml_tree.h"

namespace moesim {
namespace {

constexpr std::size_t kMostProblems = 200;

}  // namespace

void YamlTree::check_quotes(std::size_t offset) {
  const std::string_view text = text_.text();
  if (!quote_closes(text, offset)) {
    stop(unclosed_quote(offset, text_));
  }
  long_quote_.reset();
  if (!quote_closes(text.substr(0, text.find('\n', offset)), offset)) {
    long_quote_ = offset;
  }
}

void YamlTree::check_plain(const std::string& text, std::size_t offset) {
  if (text_.text().substr(offset, text.size()) != text) {
    stop(syntax_problem(text_.at(offset),
                        {"the text \"" + shorten(text) + "\" goes on over several lines", "one line",
                         "check the indentation, commas and colons; put a long text in quotes"}));
  }
  if (text.find('\t') != std::string::npos) {
    report(syntax_problem(text_.at(offset + text.find('\t')),
                          {"a tab in a text without quotes", "a space", ""}));
  }
}

void YamlTree::check_tag(const Properties& properties, Node& node) {
  const std::string& tag = properties.tag;
  constexpr std::string_view kCore = "tag:yaml.org,2002:";
  const std::string name = tag.rfind(kCore, 0) == 0 ? tag.substr(kCore.size()) : "";
  if (tag == "?") {
    return;
  }
  if (tag == "!" || name == "str") {
    node.quoted = true;
  } else if (name == "int" || name == "float" || name == "bool") {
    node.quoted = false;
  } else if (name == "null" && (node.text.empty() || is_null_text(node.text))) {
    node = {.kind = Node::Kind::null,
            .text = {},
            .quoted = false,
            .where = node.where,
            .items = {},
            .entries = {}};
  } else if (name == "null") {
    report_feature(properties.offset, "the tag '!!null' with a value", "no value", "remove the tag");
  } else {
    const std::string_view from = text_.text().substr(properties.offset);
    const std::string_view written = from.substr(0, from.find_first_of(" \r\n,]}"));
    report_feature(properties.offset, "the tag '" + shorten(std::string(written)) + "'",
                   "no tag, or !!str, !!int, !!float, !!bool or !!null",
                   "remove the tag, or put a text that begins with '!' in quotes");
  }
}

void YamlTree::check_characters(const std::string& text, std::size_t offset) {
  const std::size_t found = find_control_character(text);
  if (found < text.size()) {
    report({.where = text_.at(offset),
            .key = path(),
            .what = "a text with the control character " + YamlText(text, Location{}).character(found),
            .expected = "printable text",
            .short_name = "yaml-syntax",
            .help = {},
            .notes = {}});
  }
}

std::string YamlTree::path() const {
  std::string path;
  for (const Frame& frame : frames_) {
    if (frame.node.kind == Node::Kind::list) {
      path += fmt::format("[{}]", frame.node.items.size());
    } else if (frame.has_key) {
      path += (path.empty() ? "" : ".") + frame.entry.key;
    }
  }
  return path;
}

void YamlTree::report(Diagnostic diagnostic) {
  diagnostics_.add(std::move(diagnostic));
  if (diagnostics_.list().size() >= kMostProblems) {
    throw YamlStop{};
  }
}

void YamlTree::report_feature(std::size_t offset, std::string what, std::string expected, std::string help) {
  report({.where = text_.at(offset),
          .key = path(),
          .what = std::move(what),
          .expected = std::move(expected),
          .short_name = "yaml-feature",
          .help = std::move(help),
          .notes = {}});
}

void YamlTree::stop(Diagnostic diagnostic) {
  diagnostics_.add(std::move(diagnostic));
  throw YamlStop{};
}

void YamlTree::stop_at_limit(std::size_t offset, const std::string& what, std::size_t most) {
  stop({.where = text_.at(offset),
        .key = {},
        .what = "too many " + what,
        .expected = fmt::format("at most {}", most),
        .short_name = "yaml-limit",
        .help = {},
        .notes = {}});
}

}  // namespace moesim
