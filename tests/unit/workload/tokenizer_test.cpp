// Tables of texts and their tokens.
#include "workload/tokenizer.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "core/error.h"
#include "core/text.h"

namespace moesim {
namespace {

using testing::ElementsAre;

std::vector<std::string> split(TokenizerKind kind, std::string_view text) {
  std::vector<std::string> tokens;
  std::size_t offset = 0;
  while (true) {
    const std::string_view token = next_token(kind, text, offset);
    if (token.empty()) {
      EXPECT_EQ(offset, text.size());
      return tokens;
    }
    tokens.emplace_back(token);
  }
}

std::vector<std::string> words(std::string_view text) {
  return split(TokenizerKind::word, text);
}

TEST(Tokenizer, CutsEnglishIntoWordsAndPunctuation) {
  EXPECT_THAT(words("Don't stop, 42 times!"), ElementsAre("Don", "'", "t", "stop", ",", "42", "times", "!"));
  EXPECT_THAT(words("well-known..."), ElementsAre("well", "-", "known", ".", ".", "."));
  EXPECT_THAT(words("na\u00efve caf\u00e9"), ElementsAre("na\u00efve", "caf\u00e9"));
}

TEST(Tokenizer, KeepsCombiningMarksInTheirWord) {
  EXPECT_THAT(words("cafe\u0301 au"), ElementsAre("cafe\u0301", "au"));
}

TEST(Tokenizer, CutsKoreanAtSpacesAndPunctuation) {
  EXPECT_THAT(words("안녕하세요, 세계! 「책」。"),
              ElementsAre("안녕하세요", ",", "세계", "!", "「", "책", "」", "。"));
}

TEST(Tokenizer, CutsCodeIntoNamesAndSymbols) {
  EXPECT_THAT(words("x_1 += f(a[0]);\n\treturn x;"),
              ElementsAre("x_1", "+", "=", "f", "(", "a", "[", "0", "]", ")", ";", "return", "x", ";"));
}

TEST(Tokenizer, MakesEachEmojiATokenOfItsOwn) {
  EXPECT_THAT(words("ok😀😀go"), ElementsAre("ok", "😀", "😀", "go"));
  EXPECT_THAT(words("👩\u200d🚀"), ElementsAre("👩", "\u200d", "🚀"));
}

TEST(Tokenizer, SkipsAllKindsOfWhiteSpaceAndByteOrderMarks) {
  EXPECT_THAT(words("\ufeffa\r\nb\tc\vd\fe\u00a0f\u3000g\u2028h\u2003i\u0085j\u1680k\u205fl  "),
              ElementsAre("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"));
  EXPECT_THAT(words(" \r\n\u3000"), ElementsAre());
  EXPECT_THAT(words(""), ElementsAre());
}

TEST(Tokenizer, KeepsControlCharactersAsTokens) {
  EXPECT_THAT(words(std::string_view("a\0b\x1b", 4)), ElementsAre("a", std::string(1, '\0'), "b", "\x1b"));
}

TEST(Tokenizer, CharIsEachCodePointWithWhiteSpace) {
  EXPECT_THAT(split(TokenizerKind::character, "a 한\r\n😀"), ElementsAre("a", " ", "한", "\r", "\n", "😀"));
}

TEST(Tokenizer, ByteIsEachByte) {
  EXPECT_THAT(split(TokenizerKind::byte, "a\u00e9\n"), ElementsAre("a", "\xc3", "\xa9", "\n"));
}

TEST(Tokenizer, RefusesBytesThatAreNotUtf8) {
  std::size_t offset = 0;
  EXPECT_THROW(next_token(TokenizerKind::character, "\xff", offset), Error);
}

RC_GTEST_PROP(Tokenizer, LosesNothingButWhiteSpace, ()) {
  const std::vector<std::string> pieces = {"a",    "Z9_", " ", "\r\n",   "\u3000", "é",
                                           "한글", "😀",   ",", "\ufeff", "。"};
  std::string text;
  std::string dense;
  for (const std::size_t i :
       *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, 11))) {
    text += pieces[i];
    dense += i == 2 || i == 3 || i == 4 || i == 9 ? "" : pieces[i];
  }
  for (const TokenizerKind kind : {TokenizerKind::byte, TokenizerKind::character, TokenizerKind::word}) {
    std::string joined;
    for (const std::string& token : split(kind, text)) {
      joined += token;
    }
    RC_ASSERT(joined == (kind == TokenizerKind::word ? dense : text));
  }
}

}  // namespace
}  // namespace moesim
