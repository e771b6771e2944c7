// One value from the command line, and trees that are printed and read again.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "config/yaml.h"

namespace moesim {
namespace {

const Location kWhere{"--set x", 0, 0};

std::string describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "null";
    case Node::Kind::scalar:
      return node.quoted ? "'" + node.text + "'" : node.text;
    case Node::Kind::list: {
      std::string text = "[";
      for (const Node& item : node.items) {
        text += (text.size() > 1 ? "," : "") + describe(item);
      }
      return text + "]";
    }
    case Node::Kind::map: {
      std::string text = "{";
      for (const Node::Entry& entry : node.entries) {
        text += (text.size() > 1 ? "," : "") + entry.key + ":" + describe(entry.value);
      }
      return text + "}";
    }
  }
  return "";
}

std::string value(const std::string& text) {
  Diagnostics diagnostics;
  const Node node = parse_yaml_value(text, kWhere, diagnostics);
  return diagnostics.empty() ? describe(node) : render(diagnostics.list()[0]);
}

TEST(YamlValue, ReadsFlowStyle) {
  EXPECT_EQ(value("4"), "4");
  EXPECT_EQ(value(" 4 "), "4");
  EXPECT_EQ(value("-1"), "-1");
  EXPECT_EQ(value("'4'"), "'4'");
  EXPECT_EQ(value("\"a # b\""), "'a # b'");
  EXPECT_EQ(value("text/english.txt"), "text/english.txt");
  EXPECT_EQ(value("two words"), "two words");
  EXPECT_EQ(value("a, b"), "a, b");
  EXPECT_EQ(value("[1, [2, x]]"), "[1,[2,x]]");
  EXPECT_EQ(value("{factor: 1.25, a: {b: []}}"), "{factor:1.25,a:{b:[]}}");
  EXPECT_EQ(value("~"), "null");
  EXPECT_EQ(value("null"), "null");
  EXPECT_EQ(value("''"), "''");
  EXPECT_EQ(value("한글"), "한글");
  EXPECT_EQ(value("a=b"), "a=b");
  EXPECT_EQ(value("!!str 4"), "'4'");
}

TEST(YamlValue, EveryNodeHasTheGivenPlace) {
  Diagnostics diagnostics;
  const Node node = parse_yaml_value("{a: [1, {b: 2}]}", kWhere, diagnostics);
  EXPECT_EQ(node.where.text(), "--set x");
  EXPECT_EQ(node.entries[0].where.text(), "--set x");
  EXPECT_EQ(node.entries[0].value.items[1].entries[0].value.where.text(), "--set x");
  EXPECT_EQ(node.where.line, 0);
}

TEST(YamlValue, RefusesWhatIsNotOneValueInOneLine) {
  const std::string part =
      "--set x: error: only a part of the value would be read; expected a value in one line [bad-override]\n"
      "  help: put the whole value in quotes";
  EXPECT_EQ(value(""),
            "--set x: error: no value; expected a value in one line [bad-override]\n"
            "  help: write '' for an empty text, null for nothing");
  EXPECT_EQ(value("  "), value(""));
  EXPECT_EQ(
      value("a\nb"),
      "--set x: error: the value holds a line break or a tab; expected a value in one line [bad-override]\n"
      "  help: write \\n or \\t in double quotes");
  EXPECT_EQ(value("a # b"), part);
  EXPECT_EQ(value("#a"), part);
  EXPECT_EQ(value("null # x"), part);
  EXPECT_EQ(value("---"), part);
  EXPECT_EQ(value("--- a"), part);
  EXPECT_EQ(value("--- 'a'"), part);
  EXPECT_EQ(value("--- [1]"), part);
  EXPECT_EQ(value("&x"), part);
  EXPECT_EQ(value("!!null"), part);
  EXPECT_EQ(value("- a"),
            "--set x: error: a list without brackets; expected [a, b] [yaml-syntax]\n"
            "  help: or put a text in quotes");
  EXPECT_EQ(value("a: b"),
            "--set x: error: a map without braces; expected {key: value} [yaml-syntax]\n"
            "  help: or put a text in quotes");
  EXPECT_EQ(
      value("| x"),
      "--set x: error: 'x' is not expected behind '|' or '>'; expected the end of the line [yaml-syntax]\n"
      "  help: put the text in quotes");
  EXPECT_EQ(value("|"),
            "--set x: error: a value cannot begin with '|' here [yaml-syntax]\n"
            "  help: put the text in quotes");
  EXPECT_EQ(value("[1, 2"), "--set x: error: the '[' is never closed; expected ']' [yaml-syntax]");
  EXPECT_EQ(value("'x"), "--set x: error: the quote (') is never closed; expected a second ' [yaml-syntax]");
  EXPECT_EQ(value("[1] 2"),
            "--set x: error: this stands behind the end of the value; expected the end of the line "
            "[yaml-syntax]\n  help: put the whole text in quotes");
  EXPECT_EQ(value("{a: 1, a: 2}"),
            "--set x: error: a: given twice [duplicate-key]\n"
            "  help: remove one of the two\n"
            "  note: first given here");
  EXPECT_EQ(value("\xff"),
            "--set x: error: the byte 0xff is not UTF-8; expected UTF-8 [bad-utf8]\n"
            "  help: save the file as UTF-8");
  EXPECT_EQ(value("%YAML 1.1"),
            "--set x: error: a directive ('%'); expected YAML 1.2 without directives [yaml-feature]\n"
            "  help: remove the line");
}

// ---- a small printer, in block style where the node allows and in flow style

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    out += c == '"' || c == '\\' ? std::string("\\") + c : c == '\n' ? "\\n" : std::string(1, c);
  }
  return out + "\"";
}

std::string print_flow(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "~";
    case Node::Kind::scalar:
      return node.quoted ? quoted(node.text) : node.text;
    case Node::Kind::list: {
      std::string text = "[";
      for (const Node& item : node.items) {
        text += print_flow(item) + ", ";
      }
      return text + "]";
    }
    case Node::Kind::map: {
      std::string text = "{";
      for (const Node::Entry& entry : node.entries) {
        text += quoted(entry.key) + ": " + print_flow(entry.value) + ",";
      }
      return text + "}";
    }
  }
  return "";
}

std::string print_block(const Node& node, int indent) {
  const std::string margin(static_cast<std::size_t>(indent), ' ');
  if (node.kind == Node::Kind::map && !node.entries.empty()) {
    std::string text = "\n";
    for (const Node::Entry& entry : node.entries) {
      text += margin + quoted(entry.key) + ": " + print_block(entry.value, indent + 2);
    }
    return text;
  }
  if (node.kind == Node::Kind::list && !node.items.empty()) {
    std::string text = "\n";
    for (const Node& item : node.items) {
      text += margin + "- " + print_block(item, indent + 2);
    }
    return text;
  }
  return print_flow(node) + "  # note\n";
}

Node random_node(int depth) {
  Node node;
  node.kind = *rc::gen::element(Node::Kind::null, Node::Kind::scalar, Node::Kind::scalar,
                                depth > 0 ? Node::Kind::list : Node::Kind::scalar,
                                depth > 0 ? Node::Kind::map : Node::Kind::scalar);
  const std::size_t size = *rc::gen::inRange<std::size_t>(0, 4);
  if (node.kind == Node::Kind::scalar) {
    node.quoted = *rc::gen::arbitrary<bool>();
    if (node.quoted) {
      const auto parts = *rc::gen::container<std::vector<std::string>>(
          rc::gen::element<std::string>("a", "'", "\"", "\\", ": ", " #", "\n", "한", ",", "]", "- ", " "));
      for (const std::string& part : parts) {
        node.text += part;
      }
    } else {
      node.text = *rc::gen::element<std::string>("1", "0.5", "true", "no", "a", "x y", "한글", "a:b", "it's",
                                                 "-1", "x#y");
    }
  } else if (node.kind == Node::Kind::list) {
    for (std::size_t i = 0; i < size; ++i) {
      node.items.push_back(random_node(depth - 1));
    }
  } else if (node.kind == Node::Kind::map) {
    for (std::size_t i = 0; i < size; ++i) {
      const std::string key = *rc::gen::element<std::string>("k", "키", "a b", "~", "<<") + std::to_string(i);
      node.entries.push_back({key, {}, random_node(depth - 1)});
    }
  }
  return node;
}

Node random_map() {
  Node root;
  root.kind = Node::Kind::map;
  for (int i = 0; i < 3; ++i) {
    root.entries.push_back({fmt::format("key_{}", i), {}, random_node(4)});
  }
  return root;
}

RC_GTEST_PROP(Yaml, PrintedTreesAreReadBack, ()) {
  const Node tree = random_map();
  for (const std::string& text : {print_flow(tree), print_block(tree, 0)}) {
    Diagnostics diagnostics;
    const Node again = parse_yaml(text, "q.yaml", diagnostics);
    RC_ASSERT(diagnostics.render_all() == Diagnostics().render_all());
    RC_ASSERT(describe(again) == describe(tree));
  }
}

RC_GTEST_PROP(YamlValue, PrintedTreesAreReadBack, ()) {
  const Node tree = random_map();
  RC_ASSERT(value(print_flow(tree)) == describe(tree));
}

// Whatever the text: no crash, no hang, places inside it, and silence only for what a tree holds.
RC_GTEST_PROP(Yaml, AnyTextIsReadOrRefused, ()) {
  const auto parts = *rc::gen::container<std::vector<std::string>>(
      rc::gen::element<std::string>("a", "b: ", "- ", "\n", "\n  ", "\n ", "{", "}", "[", "]", ",", ": ", "'",
                                    "\"", "#", " # c", "&x ", "*x", "!!str ", "!y ", "|\n", ">", "---\n",
                                    "...\n", "%", "? ", "<<: ", "\t", "한", "\\", "~", "\r\n", "@", "1"));
  std::string text;
  int lines = 1;
  for (const std::string& part : parts) {
    text += part;
    lines += part.find('\n') != std::string::npos ? 1 : 0;
  }
  Diagnostics diagnostics;
  const Node root = parse_yaml(text, "q.yaml", diagnostics);
  for (const Diagnostic& diagnostic : diagnostics.list()) {
    RC_ASSERT(diagnostic.where.line >= 1 && diagnostic.where.line <= lines + 1);
    RC_ASSERT(diagnostic.where.column >= 1);
    RC_ASSERT(!diagnostic.what.empty() && !diagnostic.short_name.empty());
    RC_ASSERT(diagnostic.what.find("this is not YAML") == std::string::npos);
  }
  Diagnostics ignored;
  parse_yaml_value(text, kWhere, ignored);
}

}  // namespace
}  // namespace moesim
