// The one file that sees yaml-cpp (0.7): its events go to config/yaml_tree.h, its errors to
// config/yaml_syntax.h. Never more than two documents are asked for, as its reader does not end on a lone
// ','.
#include "config/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>

#include "config/scalars.h"
#include "config/yaml_syntax.h"
#include "config/yaml_text.h"
#include "config/yaml_tree.h"

namespace moesim {
namespace {

// Marks count bytes from 0; the line feed that run_parser() adds may lie behind the text.
std::size_t offset_of(const YAML::Mark& mark, std::size_t size) {
  return mark.pos < 0 ? 0 : std::min(static_cast<std::size_t>(mark.pos), size);
}

class Events : public YAML::EventHandler {
 public:
  Events(YamlTree& tree, std::size_t size) : tree_(tree), size_(size) {}

  void OnDocumentStart(const YAML::Mark& mark) override { tree_.begin_document(at(mark)); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    tree_.null({.offset = at(mark), .tag = "?", .anchor = anchor});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override { tree_.alias(at(mark), anchor); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    tree_.scalar({.offset = at(mark), .tag = tag, .anchor = anchor}, value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    tree_.begin(Node::Kind::list, {.offset = at(mark), .tag = tag, .anchor = anchor},
                style == YAML::EmitterStyle::Flow);
  }
  void OnSequenceEnd() override { tree_.end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    tree_.begin(Node::Kind::map, {.offset = at(mark), .tag = tag, .anchor = anchor},
                style == YAML::EmitterStyle::Flow);
  }
  void OnMapEnd() override { tree_.end(); }

 private:
  std::size_t at(const YAML::Mark& mark) const { return offset_of(mark, size_); }

  YamlTree& tree_;
  std::size_t size_;
};

void run_parser(YamlText& text, YamlTree& tree, Diagnostics& diagnostics) {
  // Without a last line feed an unclosed quote would be an error without a place.
  std::istringstream stream{std::string(text.text()) + "\n"};
  Events events(tree, text.text().size());
  try {
    YAML::Parser parser(stream);
    if (parser.HandleNextDocument(events)) {
      parser.HandleNextDocument(events);  // begin_document() refuses it
    }
  } catch (const YamlStop&) {
  } catch (const YAML::Exception& error) {
    diagnostics.add(explain_syntax({.message = error.msg,
                                    .offset = offset_of(error.mark, text.text().size()),
                                    .bracket = tree.innermost_bracket(),
                                    .long_quote = tree.long_quote()},
                                   text));
  }
  tree.abandon();
}

Node empty_map(const Location& where) {
  Node node;
  node.kind = Node::Kind::map;
  node.where = where;
  return node;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

// Whether the node is all of the text: a plain "a #b" would lose its end as a comment.
bool is_whole_value(const Node& root, std::string_view value) {
  const std::string_view text = value.substr(skip_properties(value, 0));
  const bool in_quotes = !text.empty() && (text[0] == '\'' || text[0] == '"');
  switch (root.kind) {
    case Node::Kind::null:
      return is_null_text(text);
    case Node::Kind::scalar:
      return in_quotes || text == root.text;
    case Node::Kind::list:
    case Node::Kind::map:
      return !text.empty() && (text[0] == '[' || text[0] == '{');
  }
  return false;
}

void add_value_problem(Diagnostics& diagnostics, const Location& where, std::string what, std::string help) {
  diagnostics.add({.where = where,
                   .key = {},
                   .what = std::move(what),
                   .expected = "a value in one line",
                   .short_name = "bad-override",
                   .help = std::move(help),
                   .notes = {}});
}

}  // namespace

Node parse_yaml(std::string_view text, const std::string& source, Diagnostics& diagnostics) {
  if (text.substr(0, 3) == "\xef\xbb\xbf") {
    text.remove_prefix(3);
  }
  YamlText places(text, source);
  const Location start = places.at(0);
  if (!check_yaml_text(places, diagnostics)) {
    return empty_map(start);
  }
  YamlTree tree(places, diagnostics, YamlTree::Style::any);
  run_parser(places, tree, diagnostics);
  Node root = tree.take_root();
  return root.kind == Node::Kind::null ? empty_map(start) : root;
}

Node parse_yaml_value(std::string_view text, const Location& where, Diagnostics& diagnostics) {
  Node nothing;
  nothing.where = where;
  const std::string_view value = trimmed(text);
  if (value.empty()) {
    add_value_problem(diagnostics, where, "no value", "write '' for an empty text, null for nothing");
    return nothing;
  }
  if (value.find_first_of("\n\r\t") != std::string_view::npos) {
    add_value_problem(diagnostics, where, "the value holds a line break or a tab",
                      "write \\n or \\t in double quotes");
    return nothing;
  }
  YamlText places(value, where);
  if (!check_yaml_text(places, diagnostics)) {
    return nothing;
  }
  YamlTree tree(places, diagnostics, YamlTree::Style::flow_only);
  const std::size_t problems = diagnostics.list().size();
  run_parser(places, tree, diagnostics);
  Node root = tree.take_root();
  if (diagnostics.list().size() == problems && !is_whole_value(root, value)) {
    add_value_problem(diagnostics, where, "only a part of the value would be read",
                      "put the whole value in quotes");
    return nothing;
  }
  return root;
}

}  // namespace moesim
