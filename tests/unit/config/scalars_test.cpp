#include "config/scalars.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace moesim {
namespace {

Node scalar(const std::string& text, const std::string& quote = "") {
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = text;
  node.quoted = !quote.empty();
  return node;
}

// "value" or "got … | help | range".
std::string problem_text(const ScalarProblem& problem) {
  return problem.got + (problem.help.empty() ? "" : " | " + problem.help) +
         (problem.out_of_range ? " | range" : "");
}

std::string as_whole(const Node& node) {
  std::int64_t value = 0;
  ScalarProblem problem;
  return read_whole(node, value, problem) ? std::to_string(value) : problem_text(problem);
}

std::string as_unsigned(const Node& node) {
  std::uint64_t value = 0;
  ScalarProblem problem;
  return read_unsigned(node, value, problem) ? std::to_string(value) : problem_text(problem);
}

std::string as_real(const Node& node) {
  double value = 0;
  ScalarProblem problem;
  return read_real(node, value, problem) ? print_real(value) : problem_text(problem);
}

std::string as_bool(const Node& node) {
  bool value = false;
  ScalarProblem problem;
  return read_bool(node, value, problem) ? (value ? "true" : "false") : problem_text(problem);
}

struct Row {
  const char* text;
  const char* result;
};

TEST(ReadWhole, FollowsTheTable) {
  const Row rows[] = {
      {"8", "8"},
      {"0", "0"},
      {"-0", "0"},
      {"+4", "4"},
      {"-12", "-12"},
      {"0x10", "16"},
      {"0xFf", "255"},
      {"0x007f", "127"},
      {"1.0", "1"},
      {"1.", "1"},
      {"1e6", "1000000"},
      {"1E+2", "100"},
      {"10e-1", "1"},
      {"1.5e1", "15"},
      {"0.0", "0"},
      {"0e-99999999999", "0"},
      {"9223372036854775807", "9223372036854775807"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"9.223372036854775807e18", "9223372036854775807"},
      {"0x7fffffffffffffff", "9223372036854775807"},
      {"9223372036854775808", "got 9223372036854775808 | range"},
      {"-9223372036854775809", "got -9223372036854775809 | range"},
      {"0x8000000000000000", "got 0x8000000000000000 | range"},
      {"0x10000000000000000", "got 0x10000000000000000 | range"},
      {"1e400", "got 1e400 | range"},
      {"1e99999999999999999999", "got 1e99999999999999999999 | range"},
      {"1.5", "got 1.5"},
      {"1e-400", "got 1e-400"},
      {"010", "got 010 | write 10 (a leading zero is not octal here)"},
      {"08", "got 08 | write 8 (a leading zero is not octal here)"},
      {"-007", "got -007 | write -7 (a leading zero is not octal here)"},
      {"00", "got 00 | write 0 (a leading zero is not octal here)"},
      {"1_000", "got the text \"1_000\" | write 1000"},
      {"1,000,000", "got the text \"1,000,000\" | write 1000000"},
      {"1,00", "got the text \"1,00\""},
      {"1 000", "got the text \"1 000\" | write 1000"},
      {"1'000", "got the text \"1'000\" | write 1000"},
      {"_1", "got the text \"_1\""},
      {"4k", "got the text \"4k\" | write 4000"},
      {"1.5k", "got the text \"1.5k\" | write 1500"},
      {"2 M", "got the text \"2 M\" | write 2000000"},
      {"7B", "got the text \"7B\" | write 7000000000"},
      {"4Ki", "got the text \"4Ki\" | write 4096"},
      {"k", "got the text \"k\""},
      {"xk", "got the text \"xk\""},
      {"2^10", "got the text \"2^10\" | write 1024"},
      {"2**3", "got the text \"2**3\" | write 8"},
      {"2^99", "got the text \"2^99\""},
      {"2^-1", "got the text \"2^-1\""},
      {"0o10", "got the text \"0o10\" | write 8"},
      {"0b11", "got the text \"0b11\" | write 3"},
      {"0b12", "got the text \"0b12\""},
      {"0X1f", "got the text \"0X1f\" | write 0x1f"},
      {"+0x10", "got the text \"+0x10\" | write 0x10"},
      {"-0x10", "got the text \"-0x10\" | write -16"},
      {"0x", "got the text \"0x\""},
      {"0xg", "got the text \"0xg\""},
      {"two", "got the text \"two\""},
      {"", "got the text \"\""},
      {"-", "got the text \"-\""},
      {".", "got the text \".\""},
      {"e5", "got the text \"e5\""},
      {"1e", "got the text \"1e\""},
      {"1e+", "got the text \"1e+\""},
      {"--1", "got the text \"--1\""},
      {" 1", "got the text \" 1\""},
      {"1:30", "got the text \"1:30\""},
      {"true", "got true"},
      {".inf", "got the text \".inf\""},
      {"８", "got the text \"８\""},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(as_whole(scalar(row.text)), row.result) << row.text;
  }
}

TEST(ReadUnsigned, ReachesTheLargestAndRefusesNegatives) {
  EXPECT_EQ(as_unsigned(scalar("9223372036854775807")), "9223372036854775807");
  EXPECT_EQ(as_unsigned(scalar("0x7fffffffffffffff")), "9223372036854775807");
  EXPECT_EQ(as_unsigned(scalar("9223372036854775808")), "got 9223372036854775808 | range");
  EXPECT_EQ(as_unsigned(scalar("-1")), "got -1 | range");
  EXPECT_EQ(as_unsigned(scalar("-0")), "0");
  EXPECT_EQ(as_unsigned(scalar("4k")), "got the text \"4k\" | write 4000");
}

TEST(ReadReal, FollowsTheTable) {
  const Row rows[] = {
      {"0.5", "0.5"},
      {".5", "0.5"},
      {"5.", "5"},
      {"-1e-3", "-0.001"},
      {"+2.5", "2.5"},
      {"1e6", "1e6"},
      {"0e-400", "0"},
      {"0.000", "0"},
      {"1.7976931348623157e308", "1.7976931348623157e308"},
      {"5e-324", "5e-324"},
      {"1e400", "got 1e400 | range"},
      {"-1e400", "got -1e400 | range"},
      {"1e-400", "got 1e-400 | range"},
      {".inf", "got the text \".inf\""},
      {".nan", "got the text \".nan\""},
      {"nan", "got the text \"nan\""},
      {"inf", "got the text \"inf\""},
      {"infinity", "got the text \"infinity\""},
      {"0x10", "got 0x10 | write 16"},
      {"010", "got 010 | write 10 (no leading zero)"},
      {"00.5", "got 00.5 | write 0.5 (no leading zero)"},
      {"0,5", "got the text \"0,5\" | write 0.5"},
      {"1,000", "got the text \"1,000\" | write 1000"},
      {"50%", "got the text \"50%\" | write 0.5"},
      {"1/2", "got the text \"1/2\" | write 0.5"},
      {"1/0", "got the text \"1/0\""},
      {"4k", "got the text \"4k\" | write 4000"},
      {"1.2.3", "got the text \"1.2.3\""},
      {"half", "got the text \"half\""},
      {"false", "got false"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(as_real(scalar(row.text)), row.result) << row.text;
  }
}

TEST(ReadBool, TakesTrueAndFalseOnly) {
  const Row rows[] = {
      {"true", "true"},
      {"false", "false"},
      {"yes", "got the text \"yes\" | write true"},
      {"no", "got the text \"no\" | write false"},
      {"On", "got the text \"On\" | write true"},
      {"OFF", "got the text \"OFF\" | write false"},
      {"y", "got the text \"y\" | write true"},
      {"N", "got the text \"N\" | write false"},
      {"True", "got the text \"True\" | write true"},
      {"FALSE", "got the text \"FALSE\" | write false"},
      {"1", "got 1 | write true"},
      {"0", "got 0 | write false"},
      {"falsehood", "got the text \"falsehood\""},
      {"maybe", "got the text \"maybe\""},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(as_bool(scalar(row.text)), row.result) << row.text;
  }
}

TEST(Scalars, QuotesMakeText) {
  EXPECT_EQ(as_whole(scalar("4", "'")), "got the text \"4\" | write 4 without quotes");
  EXPECT_EQ(as_whole(scalar("two", "'")), "got the text \"two\"");
  EXPECT_EQ(as_whole(scalar("4k", "'")), "got the text \"4k\"");
  EXPECT_EQ(as_real(scalar("0.5", "'")), "got the text \"0.5\" | write 0.5 without quotes");
  EXPECT_EQ(as_bool(scalar("true", "'")), "got the text \"true\" | write true without quotes");
  std::string text;
  ScalarProblem problem;
  EXPECT_TRUE(read_text(scalar("4", "'"), text, problem));
  EXPECT_EQ(text, "4");
}

TEST(Scalars, TextTakesWhatLooksLikeNumbersAndBooleans) {
  for (const char* word : {"no", "42", "1e6", "true", "", "한글"}) {
    std::string text;
    ScalarProblem problem;
    EXPECT_TRUE(read_text(scalar(word), text, problem));
    EXPECT_EQ(text, word);
  }
}

TEST(Scalars, RefuseListsMapsAndNull) {
  Node node;
  std::string text;
  for (const auto& [kind, got] : {std::pair{Node::Kind::null, "got nothing"},
                                  {Node::Kind::list, "got a list"},
                                  {Node::Kind::map, "got a map"}}) {
    node.kind = kind;
    ScalarProblem problem;
    EXPECT_EQ(as_whole(node), got);
    EXPECT_EQ(as_unsigned(node), got);
    EXPECT_EQ(as_real(node), got);
    EXPECT_EQ(as_bool(node), got);
    EXPECT_FALSE(read_text(node, text, problem));
    EXPECT_EQ(problem.got, got);
  }
}

TEST(Scalars, LongTextsAreCutInMessages) {
  std::string sixty;
  for (int i = 0; i < 60; ++i) {
    sixty += "한";
  }
  EXPECT_EQ(shorten(sixty), sixty);
  EXPECT_EQ(shorten(sixty + "x"), sixty + "…");
  EXPECT_EQ(as_whole(scalar(std::string(65536, '9'))), "got " + std::string(60, '9') + "… | range");
}

TEST(PrintReal, IsShortAndPlain) {
  EXPECT_EQ(print_real(0.1), "0.1");
  EXPECT_EQ(print_real(1e6), "1e6");
  EXPECT_EQ(print_real(1e-7), "1e-7");
  EXPECT_EQ(print_real(1e100), "1e100");
  EXPECT_EQ(print_real(123456.0), "123456");
  EXPECT_EQ(print_real(-0.0), "-0");
  EXPECT_EQ(print_real(std::numeric_limits<double>::infinity()), ".inf");
  EXPECT_EQ(print_real(-std::numeric_limits<double>::infinity()), "-.inf");
  EXPECT_EQ(print_real(std::nan("")), ".nan");
}

RC_GTEST_PROP(PrintReal, ReadsBackAsTheSameBits, (std::uint64_t bits)) {
  double value = 0;
  std::memcpy(&value, &bits, sizeof value);
  RC_PRE(std::isfinite(value));
  double again = 0;
  ScalarProblem problem;
  RC_ASSERT(read_real(scalar(print_real(value)), again, problem));
  RC_ASSERT(std::memcmp(&value, &again, sizeof value) == 0);
}

RC_GTEST_PROP(ReadWhole, ReadsWhatIsPrinted, (std::int64_t value)) {
  std::int64_t again = 0;
  ScalarProblem problem;
  RC_ASSERT(read_whole(scalar(std::to_string(value)), again, problem));
  RC_ASSERT(again == value);
}

RC_GTEST_PROP(ReadUnsigned, ReadsWhatIsPrinted, (std::uint64_t drawn)) {
  const std::uint64_t value = drawn / 2;  // the largest that is taken
  std::uint64_t again = 0;
  ScalarProblem problem;
  RC_ASSERT(read_unsigned(scalar(std::to_string(value)), again, problem));
  RC_ASSERT(again == value);
}

RC_GTEST_PROP(Scalars, AnyTextIsReadOrRefusedWithAProblem, ()) {
  const std::string text = *rc::gen::container<std::string>(rc::gen::element<char>(
      '0', '1', '9', '.', 'e', '-', '+', 'x', '_', ',', 'k', '%', '/', '^', '*', 'o', ' ', 'i'));
  std::int64_t whole = 0;
  double real = 0;
  ScalarProblem problem;
  const bool is_whole = read_whole(scalar(text), whole, problem);
  RC_ASSERT(is_whole == problem.got.empty());
  // A whole number is a real number too, except in base 16.
  if (is_whole && text.find('x') == std::string::npos) {
    RC_ASSERT(read_real(scalar(text), real, problem));
    RC_ASSERT(real == static_cast<double>(whole));
  }
}

// What the help line says to type must itself be accepted.
RC_GTEST_PROP(Scalars, AdviceIsAccepted, ()) {
  const std::string text = *rc::gen::container<std::string>(
      rc::gen::element<char>('0', '1', '7', '.', '-', 'x', '_', ',', 'k', 'K', 'i', '^', 'o', 'b', '%', '/'));
  std::int64_t whole = 0;
  double real = 0;
  const auto advised = [](const ScalarProblem& problem) {
    return scalar(problem.help.substr(6, problem.help.find(' ', 6) - 6));
  };
  ScalarProblem problem;
  if (!read_whole(scalar(text), whole, problem) && !problem.help.empty()) {
    RC_ASSERT(read_whole(advised(problem), whole, problem));
  }
  problem = {};
  if (!read_real(scalar(text), real, problem) && !problem.help.empty()) {
    RC_ASSERT(read_real(advised(problem), real, problem));
  }
}

}  // namespace
}  // namespace moesim
