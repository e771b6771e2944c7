#include "workload/corpus.h"

#include <gtest/gtest.h>

namespace moesim {
namespace {

TEST(Corpus, NumbersWordsByFirstAppearanceOverAllTexts) {
  const Corpus corpus(TokenizerKind::word, {"the cat the", "dog the cat"});
  ASSERT_EQ(corpus.num_texts(), 2U);
  EXPECT_EQ(corpus.size(0), 3U);
  EXPECT_EQ(corpus.id(0, 0), 0U);
  EXPECT_EQ(corpus.id(0, 1), 1U);
  EXPECT_EQ(corpus.id(0, 2), 0U);
  EXPECT_EQ(corpus.id(1, 0), 2U);
  EXPECT_EQ(corpus.id(1, 1), 0U);
  EXPECT_EQ(corpus.id(1, 2), 1U);
  EXPECT_EQ(corpus.distinct(), 3U);
  EXPECT_EQ(corpus.spelling(2), "dog");
  EXPECT_EQ(corpus.display(1, 0), "dog");
  EXPECT_TRUE(corpus.starts_character(1, 0));
}

TEST(Corpus, NumbersCharactersWithWhiteSpace) {
  const Corpus corpus(TokenizerKind::character, {"a 한a"});
  EXPECT_EQ(corpus.size(0), 4U);
  EXPECT_EQ(corpus.id(0, 1), 1U);
  EXPECT_EQ(corpus.spelling(2), "한");
  EXPECT_EQ(corpus.id(0, 3), 0U);
}

TEST(Corpus, NumbersBytesByTheirValueAndShowsTheirCharacter) {
  const Corpus corpus(TokenizerKind::byte, {"a한é😀z"});
  ASSERT_EQ(corpus.size(0), 11U);
  const std::vector<std::string> shown = {"a",     "한 1/3", "한 2/3", "한 3/3", "é 1/2", "é 2/2",
                                          "😀 1/4", "😀 2/4",  "😀 3/4",  "😀 4/4",  "z"};
  const std::vector<bool> starts = {true, true, false, false, true, false, true, false, false, false, true};
  for (std::size_t i = 0; i < shown.size(); ++i) {
    EXPECT_EQ(corpus.display(0, i), shown[i]);
    EXPECT_EQ(corpus.starts_character(0, i), starts[i]) << i;
  }
  EXPECT_EQ(corpus.id(0, 0), 97U);
  EXPECT_EQ(corpus.id(0, 1), 0xedU);
  EXPECT_EQ(corpus.spelling(0xed), "\xed");
  EXPECT_EQ(corpus.distinct(), 256U);
}

TEST(Corpus, CountsTheMemoryItHolds) {
  const std::string text(1000, 'x');
  EXPECT_GE(Corpus(TokenizerKind::byte, {text}).memory_bytes(), 1000U);
  EXPECT_GE(Corpus(TokenizerKind::character, {text}).memory_bytes(), 4000U);
  EXPECT_LE(Corpus(TokenizerKind::character, {text}).memory_bytes(), 4200U);
}

}  // namespace
}  // namespace moesim
