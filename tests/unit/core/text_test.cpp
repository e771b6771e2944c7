#include "core/text.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace moesim {
namespace {

using namespace std::string_literals;

TEST(DecodeUtf8, ReadsTheFirstAndLastOfEachLength) {
  const std::vector<std::pair<std::string, char32_t>> rows = {{"\0"s, 0},
                                                              {"\x7f", 0x7f},
                                                              {"\xc2\x80", 0x80},
                                                              {"\xdf\xbf", 0x7ff},
                                                              {"\xe0\xa0\x80", 0x800},
                                                              {"\xed\x9f\xbf", 0xd7ff},
                                                              {"\xee\x80\x80", 0xe000},
                                                              {"\xef\xbf\xbf", 0xffff},
                                                              {"\xf0\x90\x80\x80", 0x10000},
                                                              {"\xf4\x8f\xbf\xbf", 0x10ffff}};
  for (const auto& [bytes, value] : rows) {
    const CodePoint c = decode_utf8(bytes, 0);
    EXPECT_EQ(c.value, value);
    EXPECT_EQ(c.bytes, static_cast<int>(bytes.size()));
    EXPECT_EQ(decode_utf8("xx" + bytes + "yy", 2).bytes, static_cast<int>(bytes.size()));
    EXPECT_EQ(decode_utf8(bytes, bytes.size()).bytes, 0);
    EXPECT_EQ(decode_utf8(bytes, bytes.size() + 5).bytes, 0);
  }
}

TEST(DecodeUtf8, IsStrict) {
  const std::vector<std::pair<const char*, std::string>> rows = {
      {"continuation alone", "\x80"},
      {"continuation alone, last", "\xbf"},
      {"overlong slash, 2 bytes", "\xc0\xaf"},
      {"overlong, 2 bytes, last", "\xc1\xbf"},
      {"overlong slash, 3 bytes", "\xe0\x80\xaf"},
      {"overlong, 3 bytes, last", "\xe0\x9f\xbf"},
      {"overlong slash, 4 bytes", "\xf0\x80\x80\xaf"},
      {"overlong, 4 bytes, last", "\xf0\x8f\xbf\xbf"},
      {"overlong zero", "\xc0\x80"},
      {"first surrogate", "\xed\xa0\x80"},
      {"last surrogate", "\xed\xbf\xbf"},
      {"surrogate pair", "\xed\xa0\x80\xed\xb0\x80"},
      {"first above the end", "\xf4\x90\x80\x80"},
      {"lead f5", "\xf5\x80\x80\x80"},
      {"five bytes", "\xf8\x88\x80\x80\x80"},
      {"six bytes", "\xfc\x84\x80\x80\x80\x80"},
      {"lead fe", "\xfe"},
      {"lead ff", "\xff"},
      {"truncated 2", "\xc3"},
      {"truncated 3", "\xe2\x82"},
      {"truncated 3, one byte", "\xe2"},
      {"truncated 4", "\xf0\x9f\x98"},
      {"interrupted 2", "\xc3("},
      {"interrupted 3, second", "\xe2(\xa1"},
      {"interrupted 3, third", "\xe2\x82("},
      {"interrupted 4", "\xf0\x9f\x98("},
      {"lead after lead", "\xc3\xc3\xa9"},
  };
  for (const auto& [name, bytes] : rows) {
    EXPECT_EQ(decode_utf8(bytes, 0).bytes, 0) << name;
    EXPECT_EQ(find_invalid_utf8("ok " + bytes), 3u) << name;
  }
}

TEST(DecodeUtf8, DoesNotReadBehindTheView) {
  const std::string text = "\xe2\x82\xac";  // the view ends inside the character, the string does not
  EXPECT_EQ(decode_utf8(std::string_view(text).substr(0, 2), 0).bytes, 0);
  EXPECT_EQ(find_invalid_utf8(std::string_view(text).substr(0, 2)), 0u);
}

TEST(FindInvalidUtf8, IsTheLengthOfValidText) {
  EXPECT_EQ(find_invalid_utf8(""), 0u);
  EXPECT_EQ(find_invalid_utf8("전문가 혼합"), 16u);
  EXPECT_EQ(find_invalid_utf8("전문가\xff"), 9u);
}

TEST(DisplaySafe, WritesOutWhatWouldTalkToTheTerminal) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"plain text, 한국어 und Grüße", "plain text, 한국어 und Grüße"},
      {"\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"},
      {"\x1b]0;title\x07", "\\x1b]0;title\\x07"},
      {"\xc2\x9b"
       "31m",
       "\\x9b31m"},  // the one-character form of ESC [
      {"\x9b"
       "31m",
       "\\x9b31m"},  // the same as a bare byte, which is not UTF-8
      {"a\0b"s, "a\\x00b"},
      {"a\nb\tc\rd\b\x7f", "a\\nb\\tc\\x0dd\\x08\\x7f"},
      {"abc\u202e"
       "cba",
       "abc\\u202ecba"},
      {"\u2066x\u2069\u200e\u200f\u061c", "\\u2066x\\u2069\\u200e\\u200f\\u061c"},
      {"\u2028\u2029\ufeff", "\\u2028\\u2029\\ufeff"},
      {"\U000e0041", "\\U000e0041"},
      {"\xff\xc3", "\\xff\\xc3"},
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
  };
  for (const auto& [text, safe] : rows) {
    EXPECT_EQ(display_safe(text), safe);
  }
}

RC_GTEST_PROP(DisplaySafe, IsAlwaysPrintableUtf8AndStable, (std::string text)) {
  const std::string safe = display_safe(text);
  RC_ASSERT(find_invalid_utf8(safe) == safe.size());
  for (const char c : safe) {
    RC_ASSERT(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  }
  RC_ASSERT(display_safe(safe) == safe);
}

TEST(DisplayWidth, CountsColumns) {
  const std::vector<std::pair<std::string, int>> rows = {
      {"", 0},
      {"abc", 3},
      {"한국어", 6},
      {"MoE 전문가 8개", 14},
      {"Größe", 5},
      {"e\u0301", 1},
      {"\u1112\u1161\u11ab", 2},  // 한 in its three letters
      {"日本語", 6},
      {"ＡＢ", 4},
      {"×÷", 2},
      {"\U0001f600", 2},
      {"\xff\xfe", 2},
      {"a\u200bb", 2},
      {"●○█▁", 4},
      {"\U0001f680", 2},
  };
  for (const auto& [text, width] : rows) {
    EXPECT_EQ(display_width(text), width) << text;
  }
}

TEST(IsWordCharacter, HoldsForLettersAndDigitsOfAnyScript) {
  for (const char32_t c : U"azAZ09_éßñ한글日本語яωªµº") {
    EXPECT_TRUE(c == 0 || is_word_character(c)) << static_cast<std::uint32_t>(c);
  }
  for (const char32_t c : U" \t\n-.,;:!?\"'()[]{}<>/\\|@#$%^&*+=~`«»…—–“”€→×÷。、「」！？😀\u202e\ufeff") {
    EXPECT_TRUE(c == 0 || !is_word_character(c)) << static_cast<std::uint32_t>(c);
  }
}

}  // namespace
}  // namespace moesim
