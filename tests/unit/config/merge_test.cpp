#include "config/merge.h"

#include <gtest/gtest.h>

#include "config/yaml.h"

namespace moesim {
namespace {

Node parse(const std::string& text, const std::string& source) {
  Diagnostics diagnostics;
  Node node = parse_yaml(text, source, diagnostics);
  EXPECT_TRUE(diagnostics.empty()) << diagnostics.render_all();
  return node;
}

std::string show(const Node& node) {
  std::string text = node.kind == Node::Kind::list ? "[" : node.kind == Node::Kind::map ? "{" : node.text;
  for (const Node& item : node.items) {
    text += show(item) + " ";
  }
  for (const Node::Entry& entry : node.entries) {
    text += entry.key + "=" + show(entry.value) + " ";
  }
  return text + (node.kind == Node::Kind::list ? "]" : node.kind == Node::Kind::map ? "}" : "");
}

std::string merged(const std::string& base, const std::string& over) {
  return show(merge(parse(base, "base"), parse(over, "over")));
}

TEST(Merge, IsKeyByKeyAndKeepsTheOrderOfTheBase) {
  EXPECT_EQ(merged("{a: 1, b: {c: 2, d: 3}}", "{e: 5, b: {d: 4, f: 6}}"), "{a=1 b={c=2 d=4 f=6 } e=5 }");
}

TEST(Merge, ListsScalarsAndNullReplaceWhole) {
  EXPECT_EQ(merged("{a: [1, 2, 3]}", "{a: [4]}"), "{a=[4 ] }");
  EXPECT_EQ(merged("{a: {b: 1}}", "{a: 2}"), "{a=2 }");
  EXPECT_EQ(merged("{a: {b: 1}}", "{a: ~}"), "{a= }");
  EXPECT_EQ(merged("{a: 2}", "{a: {b: 1}}"), "{a={b=1 } }");
}

TEST(Merge, AnotherVariantReplacesItsSection) {
  EXPECT_EQ(merged("{r: {kind: a, x: 1}, q: 1}", "{r: {kind: b, y: 2}}"), "{r={kind=b y=2 } q=1 }");
  EXPECT_EQ(merged("{r: {kind: a, x: 1}}", "{r: {preset: m}}"), "{r={preset=m } }");
  EXPECT_EQ(merged("{r: {preset: m, x: 1}}", "{r: {kind: a}}"), "{r={kind=a } }");
  EXPECT_EQ(merged("{r: {x: 1}}", "{r: {kind: a}}"), "{r={x=1 kind=a } }");
  EXPECT_EQ(merged("{b: {losses: 1, c: {kind: a, x: 1}}}", "{b: {c: {kind: d}}}"),
            "{b={losses=1 c={kind=d } } }");
}

TEST(Merge, TheSameVariantKeepsItsSection) {
  EXPECT_EQ(merged("{r: {kind: a, x: 1}}", "{r: {kind: a, y: 2}}"), "{r={kind=a x=1 y=2 } }");
  EXPECT_EQ(merged("{r: {preset: m, x: 1}}", "{r: {x: 2}}"), "{r={preset=m x=2 } }");
}

TEST(Merge, EveryValueKeepsItsPlace) {
  const Node node = merge(parse("{a: 1, b: {c: 2}}", "base"), parse("{b: {d: 3}}", "over"));
  EXPECT_EQ(node.find("a")->where.text(), "base:1:2");
  EXPECT_EQ(node.find("b")->where.text(), "over:1:2");
  EXPECT_EQ(node.child("b")->find("c")->where.text(), "base:1:12");
  EXPECT_EQ(node.child("b")->child("d")->where.text(), "over:1:9");
}

}  // namespace
}  // namespace moesim
