#include "config/fields.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "config/yaml.h"
#include "params.h"

namespace moesim {
namespace {

FieldInfo info_of(const std::string& name) {
  for (const FieldInfo& info : fields_of<Params>().infos()) {
    if (info.name == name) {
      return info;
    }
  }
  ADD_FAILURE() << name;
  return {};
}

Node parse(const std::string& text) {
  Diagnostics diagnostics;
  Node node = parse_yaml_value(text, {"v", 0, 0}, diagnostics);
  EXPECT_TRUE(diagnostics.empty()) << text << diagnostics.render_all();
  return node;
}

// What reading the YAML text into the field gives: its printed value, or the outcome and the problem.
std::string read(const std::string& name, const std::string& yaml) {
  const Fields<Params> fields = fields_of<Params>();
  for (const Field<Params>& field : fields.list()) {
    if (field.info.name != name) {
      continue;
    }
    Params params;
    ScalarProblem problem;
    switch (field.read(parse(yaml), params, problem)) {
      case ReadOutcome::ok:
        return field.print(params);
      case ReadOutcome::wrong_type:
        return "type: " + problem.got;
      case ReadOutcome::out_of_range:
        return "range: " + problem.got;
      case ReadOutcome::unknown_choice:
        return "choice: " + problem.got;
    }
  }
  return "no such field";
}

TEST(Fields, ExpectedSaysTypeRangeAndChoices) {
  EXPECT_EQ(info_of("top_k").expected, "a whole number from 1 to 8");
  EXPECT_EQ(info_of("threads").expected, "a whole number from 1 to 64, or auto");
  EXPECT_EQ(info_of("seed").expected, "a whole number from 0 to 9223372036854775807");
  EXPECT_EQ(info_of("top_p").expected, "a number from 0 to 1");
  EXPECT_EQ(info_of("scale").expected, "a number");
  EXPECT_EQ(info_of("route_norm").expected, "true or false");
  EXPECT_EQ(info_of("score_func").expected, "one of relu, sigmoid, softmax");
  EXPECT_EQ(info_of("name").expected, "a text");
  EXPECT_EQ(info_of("files").expected, "a list of texts");
  EXPECT_EQ(info_of("mixture").expected, "a list of numbers");
  EXPECT_EQ(info_of("width").expected, "a whole number of at least 1, or none");
}

TEST(Fields, InfoServesASchema) {
  EXPECT_EQ(info_of("top_k").type, "whole number");
  EXPECT_EQ(info_of("top_k").default_text, "2");
  EXPECT_EQ(info_of("top_k").doc, "experts per token");
  EXPECT_TRUE(info_of("top_k").has_range);
  EXPECT_EQ(info_of("top_k").low, 1);
  EXPECT_EQ(info_of("top_k").high, 8);
  EXPECT_TRUE(info_of("seed").has_range);
  EXPECT_EQ(info_of("seed").low, 0);
  EXPECT_EQ(info_of("seed").high, 9223372036854775807.0);
  EXPECT_FALSE(info_of("scale").has_range);
  EXPECT_EQ(info_of("threads").default_text, "auto");
  EXPECT_EQ(info_of("threads").choices, std::vector<std::string>{"auto"});
  EXPECT_EQ(info_of("score_func").choices, (std::vector<std::string>{"softmax", "sigmoid", "relu"}));
  EXPECT_EQ(info_of("score_func").default_text, "softmax");
  EXPECT_EQ(info_of("files").default_text, "[]");
  EXPECT_EQ(info_of("mixture").default_text, "[0.5, 1]");
  EXPECT_TRUE(info_of("width").required);
  EXPECT_EQ(info_of("width").default_text, "");
}

TEST(Fields, RangesHoldBothEnds) {
  EXPECT_EQ(read("top_k", "1"), "1");
  EXPECT_EQ(read("top_k", "8"), "8");
  EXPECT_EQ(read("top_k", "0"), "range: got 0");
  EXPECT_EQ(read("top_k", "9"), "range: got 9");
  EXPECT_EQ(read("top_k", "0x10"), "range: got 0x10");
  EXPECT_EQ(read("top_p", "1.0"), "1");
  EXPECT_EQ(read("top_p", "1.0000001"), "range: got 1.0000001");
  EXPECT_EQ(read("top_p", "-0.1"), "range: got -0.1");
}

TEST(Fields, NumbersTheTypeCannotHoldAreOutOfRange) {
  EXPECT_EQ(read("seed", "-1"), "range: got -1");
  EXPECT_EQ(read("seed", "9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(read("seed", "9223372036854775808"), "range: got 9223372036854775808");
  EXPECT_EQ(read("top_k", "1e30"), "range: got 1e30");
  EXPECT_EQ(read("scale", "1e999"), "range: got 1e999");
}

TEST(Fields, WordsStandForValuesInAnyOrderOfDescription) {
  EXPECT_EQ(read("threads", "auto"), "auto");
  EXPECT_EQ(read("threads", "4"), "4");
  EXPECT_EQ(read("threads", "0"), "range: got 0");
  EXPECT_EQ(read("threads", "automatic"), "type: got the text \"automatic\"");
  EXPECT_EQ(read("width", "none"), "none");
  EXPECT_EQ(read("width", "0"), "range: got 0");
}

TEST(Fields, OtherTypes) {
  EXPECT_EQ(read("top_k", "two"), "type: got the text \"two\"");
  EXPECT_EQ(read("top_k", "'2'"), "type: got the text \"2\"");
  EXPECT_EQ(read("top_k", "[2]"), "type: got a list");
  EXPECT_EQ(read("top_k", "~"), "type: got nothing");
  EXPECT_EQ(read("route_norm", "false"), "false");
  EXPECT_EQ(read("route_norm", "no"), "type: got the text \"no\"");
  EXPECT_EQ(read("score_func", "relu"), "relu");
  EXPECT_EQ(read("score_func", "'relu'"), "relu");
  EXPECT_EQ(read("score_func", "sofmax"), "choice: unknown choice 'sofmax'");
  EXPECT_EQ(read("score_func", "[relu]"), "type: got a list");
  EXPECT_EQ(read("name", "no"), "\"no\"");
  EXPECT_EQ(read("name", "{}"), "type: got a map");
}

TEST(Fields, Lists) {
  EXPECT_EQ(read("files", "[a, '1', text/b.txt]"), "[a, \"1\", text/b.txt]");
  EXPECT_EQ(read("files", "[]"), "[]");
  EXPECT_EQ(read("files", "a.txt"), "type: got the text \"a.txt\"");
  EXPECT_EQ(read("files", "[a, [b]]"), "type: got a list as item 2");
  EXPECT_EQ(read("mixture", "[1, 0.25]"), "[1, 0.25]");
  EXPECT_EQ(read("mixture", "[1, x]"), "type: got the text \"x\" as item 2");
  EXPECT_EQ(read("mixture", "[1e999]"), "range: got 1e999 as item 1");
}

TEST(Fields, LongTextsAreCutInUnknownChoices) {
  const std::string got = read("score_func", std::string(1000, 'x'));
  EXPECT_EQ(got, "choice: unknown choice '" + std::string(60, 'x') + "…'");
}

TEST(ExpectedText, ManyChoicesAreCounted) {
  FieldInfo info;
  info.type = "one of";
  info.choices = std::vector<std::string>(13, "a");
  EXPECT_EQ(field_detail::expected_text(info), "one of its 13 choices");
}

TEST(ExpectedText, OpenEnds) {
  FieldInfo info;
  info.type = "number";
  info.has_range = true;
  info.low = -1e308;
  info.high = 2.5;
  EXPECT_EQ(field_detail::expected_text(info), "a number of at most 2.5");
  info.high = 1e308;
  EXPECT_EQ(field_detail::expected_text(info), "a number");
  info.low = 1e-9;
  EXPECT_EQ(field_detail::expected_text(info), "a number of at least 1e-9");
}

TEST(PrintText, QuotesWhatWouldReadAsSomethingElse) {
  using field_detail::print;
  for (const char* plain : {"abc", "text/english.txt", "a b", "한글", "snake_case", "x-1", "nope"}) {
    EXPECT_EQ(print(std::string(plain)), plain);
  }
  for (const char* text :
       {"",    "true", "no", "Null", "1",  "-x",     "1_000", ".inf", " a", "a ",   "a: b", "a #b", "[a",
        "a,b", "*a",   "&a", "!a",   "a:", "${X}/y", "it's",  "@a",   "%a", "0x10", "~",    "<<",   "y"}) {
    EXPECT_EQ(print(std::string(text)), "\"" + std::string(text) + "\"") << text;
  }
  EXPECT_EQ(print(std::string("a\"b\\c\nd\te\x1b")), "\"a\\\"b\\\\c\\nd\\te\\x1b\"");
}

RC_GTEST_PROP(PrintText, ReadsBackAlone, ()) {
  const auto parts = *rc::gen::container<std::vector<std::string>>(
      rc::gen::element<std::string>("a", "1", ".", "-", " ", ":", ",", "#", "'", "\"", "\\", "\n", "한", "]",
                                    "{", "~", "no", "\t", "&", "%"));
  std::string text;
  for (const std::string& part : parts) {
    text += part;
  }
  const std::vector<std::string> list = {text, text};
  std::vector<std::string> again;
  ScalarProblem problem;
  RC_ASSERT(field_detail::read(parse(field_detail::print(list)), again, problem));
  RC_ASSERT(again == list);
}

}  // namespace
}  // namespace moesim
