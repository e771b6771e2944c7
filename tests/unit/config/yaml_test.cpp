#include "config/yaml.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>

#include "config/yaml_text.h"

namespace moesim {
namespace {

Node parse(std::string_view text) {
  Diagnostics diagnostics;
  Node node = parse_yaml(text, "q.yaml", diagnostics);
  EXPECT_TRUE(diagnostics.empty()) << text << "\n" << diagnostics.render_all();
  return node;
}

std::string problems(std::string_view text) {
  Diagnostics diagnostics;
  parse_yaml(text, "q.yaml", diagnostics);
  std::string all;
  for (const Diagnostic& diagnostic : diagnostics.list()) {
    all += (all.empty() ? "" : "\n") + render(diagnostic);
  }
  return all;
}

std::string repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) {
    all += text;
  }
  return all;
}

TEST(Yaml, ReadsSectionsListsAndScalars) {
  const Node root = parse("layer: {d_model: 256, files: [a.txt, 'b']}\nname: \"x\"\nempty:\nnone: ~\n");
  ASSERT_EQ(root.kind, Node::Kind::map);
  ASSERT_EQ(root.entries.size(), 4u);
  EXPECT_EQ(root.child("layer")->child("d_model")->text, "256");
  EXPECT_FALSE(root.child("layer")->child("d_model")->quoted);
  const Node& files = *root.child("layer")->child("files");
  ASSERT_EQ(files.items.size(), 2u);
  EXPECT_FALSE(files.items[0].quoted);
  EXPECT_EQ(files.items[1].text, "b");
  EXPECT_TRUE(files.items[1].quoted);
  EXPECT_TRUE(root.child("name")->quoted);
  EXPECT_EQ(root.child("empty")->kind, Node::Kind::null);
  EXPECT_EQ(root.child("none")->kind, Node::Kind::null);
}

TEST(Yaml, KeysAndValuesKnowTheirPlaceInCharacters) {
  const Node root = parse("# 주석\n이름: {한글: \"값\", z: [1, 둘, 3]}\nb:\n  c: x\nnothing:\n\n");
  const Node::Entry& name = *root.find("이름");
  EXPECT_EQ(name.where.text(), "q.yaml:2:1");
  EXPECT_EQ(name.value.where.text(), "q.yaml:2:5");
  EXPECT_EQ(name.value.find("한글")->where.text(), "q.yaml:2:6");
  EXPECT_EQ(name.value.child("한글")->where.text(), "q.yaml:2:10");
  EXPECT_EQ(name.value.find("z")->where.text(), "q.yaml:2:15");
  EXPECT_EQ(name.value.child("z")->items[2].where.text(), "q.yaml:2:25");
  EXPECT_EQ(root.child("b")->where.text(), "q.yaml:4:3");
  EXPECT_EQ(root.child("b")->child("c")->where.text(), "q.yaml:4:6");
  // Not where the next token is: at the key.
  EXPECT_EQ(root.child("nothing")->where.text(), "q.yaml:5:1");
  EXPECT_EQ(parse("a:\nnull_x: 1").child("a")->where.text(), "q.yaml:1:1");
  EXPECT_EQ(parse("a: null").child("a")->where.text(), "q.yaml:1:4");
}

TEST(Yaml, ByteOrderMarkAndWindowsLineEndsMoveNothing) {
  const Node root = parse(
      "\xef\xbb\xbf"
      "a: 1\r\nb: 'x'\r\n");
  EXPECT_EQ(root.find("a")->where.text(), "q.yaml:1:1");
  EXPECT_EQ(root.child("a")->text, "1");
  EXPECT_EQ(root.child("b")->where.text(), "q.yaml:2:4");
}

TEST(Yaml, EmptyDocumentsAreEmptyMaps) {
  for (const char* text : {"", "\n\n", "# only\n", "---\n", "---\n# c\n", "...\n", "~", "null\n", "  \n"}) {
    const Node root = parse(text);
    EXPECT_EQ(root.kind, Node::Kind::map) << text;
    EXPECT_TRUE(root.entries.empty()) << text;
    EXPECT_EQ(root.where.text(), "q.yaml:1:1") << text;
  }
}

TEST(Yaml, OneDocumentMayHaveItsMarks) {
  EXPECT_EQ(parse("%YAML 1.2\n---\na: 1\n...\n# end\n").child("a")->text, "1");
}

TEST(Yaml, QuotedAndBlockScalarsAreText) {
  const Node root =
      parse("a: 'it''s'\nb: \"\\u0041\\n\"\nc: |\n  x\n  y\nd: >-\n  x\n  y\ne: !!str 3\nf: ! 4\n");
  EXPECT_EQ(root.child("a")->text, "it's");
  EXPECT_EQ(root.child("b")->text, "A\n");
  EXPECT_EQ(root.child("c")->text, "x\ny\n");
  EXPECT_EQ(root.child("d")->text, "x y");
  EXPECT_EQ(root.child("e")->text, "3");
  for (const Node::Entry& entry : root.entries) {
    EXPECT_TRUE(entry.value.quoted) << entry.key;
  }
}

TEST(Yaml, CoreTagsDecideTheType) {
  const Node root =
      parse("a: !!int '3'\nb: !!float 1\nc: !!bool true\nd: !!null ~\ne: !!map {}\nf: !!seq []\n");
  EXPECT_FALSE(root.child("a")->quoted);
  EXPECT_FALSE(root.child("b")->quoted);
  EXPECT_FALSE(root.child("c")->quoted);
  EXPECT_EQ(root.child("d")->kind, Node::Kind::null);
  EXPECT_EQ(root.child("e")->kind, Node::Kind::map);
  EXPECT_EQ(root.child("f")->kind, Node::Kind::list);
}

TEST(Yaml, NothingIsResolvedHere) {
  const Node root = parse("a: no\nb: 010\nc: .inf\nd: it's # '\ne: x#y\nf: <<\ng: -1\nh: ?x\n");
  EXPECT_EQ(root.child("a")->text, "no");
  EXPECT_EQ(root.child("b")->text, "010");
  EXPECT_EQ(root.child("c")->text, ".inf");
  EXPECT_EQ(root.child("d")->text, "it's");
  EXPECT_EQ(root.child("e")->text, "x#y");
  EXPECT_EQ(root.child("f")->text, "<<");
}

TEST(Yaml, JsonIsYaml) {
  const Node root = parse(R"({"a":1,"b":[true,{"c":null}],"<<":2})");
  EXPECT_EQ(root.child("a")->text, "1");
  EXPECT_FALSE(root.child("a")->quoted);
  EXPECT_EQ(root.child("b")->items[1].child("c")->kind, Node::Kind::null);
  EXPECT_EQ(root.child("<<")->text, "2");
}

TEST(Yaml, AliasesAreCopiesPlacedWhereTheyStand) {
  const Node root = parse("a: &x {b: 1}\nc: *x\nd: &y !!str 3\ne: *y\n&k k: 1\nf: *k\n");
  EXPECT_EQ(root.child("c")->child("b")->text, "1");
  EXPECT_EQ(root.child("c")->where.text(), "q.yaml:2:4");
  EXPECT_EQ(root.child("c")->child("b")->where.text(), "q.yaml:1:11");
  EXPECT_EQ(root.child("e")->text, "3");
  EXPECT_TRUE(root.child("e")->quoted);
  EXPECT_EQ(root.child("f")->text, "k");
}

TEST(Yaml, AfterADuplicateKeyTheFirstValueStays) {
  Diagnostics diagnostics;
  const Node root = parse_yaml("a: {b: 1, b: 2}\na: 3\nc: 4\n", "q.yaml", diagnostics);
  EXPECT_EQ(diagnostics.list().size(), 2u);
  ASSERT_EQ(root.entries.size(), 2u);
  EXPECT_EQ(root.child("a")->child("b")->text, "1");
  EXPECT_EQ(root.child("c")->text, "4");
}

TEST(Yaml, RefusedKeysLeaveTheRest) {
  Diagnostics diagnostics;
  const Node root = parse_yaml("a: 1\n<<: {x: 1}\n? [q, {r: s}]\n: {t: u}\nb: 2\n", "q.yaml", diagnostics);
  EXPECT_EQ(diagnostics.list().size(), 2u);
  ASSERT_EQ(root.entries.size(), 2u);
  EXPECT_EQ(root.child("b")->text, "2");
}

TEST(Yaml, KeepsWhatStandsBeforeASyntaxError) {
  Diagnostics diagnostics;
  const Node root = parse_yaml("a: 1\nb: {c: [2, 3}\n", "q.yaml", diagnostics);
  EXPECT_EQ(diagnostics.list().size(), 1u);
  EXPECT_EQ(root.child("a")->text, "1");
  EXPECT_EQ(root.child("b")->child("c")->items.size(), 1u);
}

TEST(Yaml, RefusesOtherEncodings) {
  EXPECT_EQ(problems("a: 한\xff"),
            "q.yaml:1:5: error: the byte 0xff is not UTF-8; expected UTF-8 [bad-utf8]\n"
            "  help: save the file as UTF-8");
  EXPECT_EQ(problems("a: \xc0\xaf"),
            "q.yaml:1:4: error: the byte 0xc0 is not UTF-8; expected UTF-8 [bad-utf8]\n"
            "  help: save the file as UTF-8");
  EXPECT_EQ(problems(std::string_view("\xff\xfe"
                                      "a\0:\0",
                                      6)),
            "q.yaml:1:1: error: the text is UTF-16; expected UTF-8 [bad-utf8]\n"
            "  help: save the file as UTF-8");
  EXPECT_EQ(problems("a: \xed\xa0\x80"),
            "q.yaml:1:4: error: the byte 0xed is not UTF-8; expected UTF-8 [bad-utf8]\n"
            "  help: save the file as UTF-8");
}

TEST(Yaml, RefusesControlCharacters) {
  EXPECT_EQ(problems(std::string_view("a: x\0y", 6)),
            "q.yaml:1:5: error: the control character \\x00; expected printable text [yaml-syntax]\n"
            "  help: remove it");
  EXPECT_EQ(problems("# \x1b[31m\n"),
            "q.yaml:1:3: error: the control character \\x1b; expected printable text [yaml-syntax]\n"
            "  help: remove it");
  EXPECT_EQ(problems("a: 1\rb: 2"),
            "q.yaml:1:5: error: the control character \\x0d; expected printable text [yaml-syntax]\n"
            "  help: end lines with a line feed");
  EXPECT_EQ(problems("a: \x04"),
            "q.yaml:1:4: error: the control character \\x04; expected printable text [yaml-syntax]\n"
            "  help: remove it");
  EXPECT_EQ(problems("a: \xc2\x85"),
            "q.yaml:1:4: error: the control character \\x85; expected printable text [yaml-syntax]\n"
            "  help: remove it");
}

TEST(Yaml, TabsMayStandInQuotesCommentsAndBetweenTokens) {
  const Node root = parse("a:\t\"x\ty\"\t# \tz\nb: {\tc: 1}\n\t\nd: 1\n");
  EXPECT_EQ(root.child("a")->text, "x\ty");
}

TEST(YamlLimits, OneMebibyte) {
  const std::string comment = "#" + std::string((1 << 20) - 1, 'x');
  EXPECT_EQ(problems(comment), "");
  EXPECT_EQ(problems(comment + "x"),
            "q.yaml:1:1: error: the text has 1048577 bytes; expected at most 1048576 [yaml-limit]");
}

TEST(YamlLimits, ThirtyTwoLevels) {
  EXPECT_EQ(problems(repeat("[", 32) + repeat("]", 32)), "");
  const std::string deep = "q.yaml:1:33: error: too many levels; expected at most 32 [yaml-limit]";
  EXPECT_EQ(problems(repeat("[", 33) + repeat("]", 33)), deep);
  EXPECT_NE(problems(repeat("[", 1000)).find("error: too many levels; expected at most 32 [yaml-limit]"),
            std::string::npos);
  const std::string flood =
      "q.yaml:1:1001: error: more than 1000 open brackets; expected at most 32 levels [yaml-limit]";
  EXPECT_EQ(problems(repeat("[", 1000000)), flood);
  EXPECT_EQ(problems(repeat("{", 1000000)), flood);
  EXPECT_EQ(problems(repeat("- ", 100000) + "a"),
            "q.yaml:1:65: error: too many levels; expected at most 32 [yaml-limit]");
}

TEST(YamlLimits, LevelsCountThroughAliases) {
  const std::string inner = "a: &x " + repeat("[", 20) + repeat("]", 20) + "\n";
  EXPECT_EQ(problems(inner + "b: " + repeat("[", 11) + "*x" + repeat("]", 11)), "");
  EXPECT_EQ(problems(inner + "b: " + repeat("[", 12) + "*x" + repeat("]", 12)),
            "q.yaml:2:16: error: too many levels; expected at most 32 [yaml-limit]");
}

TEST(YamlLimits, HundredThousandNodes) {
  EXPECT_EQ(problems("[" + repeat("1,", 99998) + "1]"), "");
  EXPECT_EQ(problems("[" + repeat("1,", 99999) + "1]"),
            "q.yaml:1:200000: error: too many keys and values; expected at most 100000 [yaml-limit]");
}

TEST(YamlLimits, AliasBombsEndBeforeTheyGrow) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string before = fmt::format("*a{}", i - 1);
    bomb += fmt::format("a{}: &a{} [{}]\n", i, i, before + repeat(", " + before, 8));
  }
  const std::string message = problems(bomb);
  EXPECT_NE(message.find("too many keys and values; expected at most 100000 [yaml-limit]"), std::string::npos)
      << message;
}

TEST(YamlLimits, AliasBombsOfLongTextsEndToo) {
  const std::string text(60000, 'x');
  std::string bomb = "a: &a [" + text + repeat(", " + text, 14) + "]\nb: &b [*a" + repeat(", *a", 15) + "]\n";
  EXPECT_EQ(problems(bomb),
            "q.yaml:2:16: error: too many bytes of text, aliases written out; expected at most 4194304 "
            "[yaml-limit]");
}

TEST(YamlLimits, SixtyFourAnchorsAndTwoHundredFiftySixAliases) {
  std::string anchors;
  for (int i = 0; i < 64; ++i) {
    anchors += fmt::format("k{}: &a{} 1\n", i, i);
  }
  EXPECT_EQ(problems(anchors), "");
  EXPECT_EQ(problems(anchors + "l: &b 1\n"),
            "q.yaml:65:7: error: too many anchors ('&'); expected at most 64 [yaml-limit]");
  EXPECT_EQ(problems("a: &a 1\nb: [*a" + repeat(", *a", 255) + "]\n"), "");
  EXPECT_EQ(problems("a: &a 1\nb: [*a" + repeat(", *a", 256) + "]\n"),
            "q.yaml:2:1029: error: too many aliases ('*'); expected at most 256 [yaml-limit]");
}

TEST(YamlLimits, LongTextsAndKeys) {
  EXPECT_EQ(problems("a: " + std::string(65536, 'x')), "");
  EXPECT_EQ(problems("a: " + std::string(65537, 'x')),
            "q.yaml:1:4: error: too many bytes in one text; expected at most 65536 [yaml-limit]");
  EXPECT_EQ(problems("? " + std::string(1024, 'k') + "\n: 1"), "");
  EXPECT_EQ(problems("? " + std::string(1025, 'k') + "\n: 1"),
            "q.yaml:1:3: error: too many bytes in one key; expected at most 1024 [yaml-limit]");
}

TEST(YamlLimits, StopsAfterTwoHundredProblems) {
  Diagnostics diagnostics;
  parse_yaml("a: 1\n" + repeat("a: 1\n", 1000), "q.yaml", diagnostics);
  EXPECT_EQ(diagnostics.list().size(), 200u);
}

TEST(YamlLimits, LargeFilesTakeNoQuadraticTime) {
  const auto start = std::chrono::steady_clock::now();
  problems("{" + repeat("한글: 1, ", 40000) + "}");
  std::string keys;
  for (int i = 0; i < 45000; ++i) {
    keys += fmt::format("key_{}: 1\n", i);
  }
  EXPECT_EQ(problems(keys), "");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(YamlText, QuotesCloseOnlyOutsideEscapes) {
  EXPECT_TRUE(quote_closes("'a'", 0));
  EXPECT_FALSE(quote_closes("'a''", 0));
  EXPECT_FALSE(quote_closes("\"a\\\"", 0));
  EXPECT_TRUE(quote_closes("\"a\\\\\"", 0));
  EXPECT_FALSE(quote_closes("'", 0));
}

TEST(YamlText, SkipsTagsAndAnchors) {
  EXPECT_EQ(skip_properties("&x !!str 'a'", 0), 9u);
  EXPECT_EQ(skip_properties("!<tag:x,y> a", 0), 11u);
  EXPECT_EQ(skip_properties("&x # c\n  a", 0), 9u);
  EXPECT_EQ(skip_properties("&x, b", 0), 2u);
  EXPECT_EQ(skip_properties("a", 0), 0u);
  EXPECT_EQ(skip_properties("&", 0), 1u);
}

TEST(YamlText, PlacesMayBeAskedInAnyOrder) {
  YamlText text("한글\n\nb글c", "f");
  EXPECT_EQ(text.at(7 + 1 + 4).text(), "f:3:3");
  EXPECT_EQ(text.at(3).text(), "f:1:2");
  EXPECT_EQ(text.at(8).text(), "f:3:1");
  EXPECT_EQ(text.at(9).text(), "f:3:2");
  EXPECT_EQ(text.at(8).text(), "f:3:1");
  EXPECT_EQ(text.at(1000).text(), "f:3:4");
}

}  // namespace
}  // namespace moesim
