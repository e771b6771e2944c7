#include <cmath>
#include <set>

#include "core/hash.h"
#include "core/random.h"
#include "unit/workload/making.h"

namespace moesim {
namespace {

std::vector<double> embedding(const std::string& word, std::uint64_t seed, std::size_t width) {
  std::vector<float> values(width);
  fill_normal({.seed = seed, .stream = Stream::embedding}, hash64(word), 1.0F, values);
  return {values.begin(), values.end()};
}

std::vector<std::string> texts(const Workload& workload, std::uint64_t first, std::uint64_t count) {
  std::vector<std::string> list;
  for (std::uint64_t g = first; g < first + count; ++g) {
    list.push_back(workload.token_text(g));
  }
  return list;
}

using Words = std::vector<std::string>;

TEST(Text, ReadsFilesInTurnsOfChunksAndWrapsEachOnItsOwn) {
  const TestFolder folder;
  folder.write("one.txt", "a b c");
  folder.write("two.txt", "v w x y z");
  const auto workload =
      must_make("{kind: text, files: [one.txt, two.txt], chunk_tokens: 2}", {.directory = folder.path()});
  EXPECT_EQ(texts(*workload, 0, 14),
            (Words{"a", "b", "v", "w", "c", "a", "x", "y", "b", "c", "z", "v", "a", "b"}));
  const TokenBatch batch = workload->slice(one_thread(), 2, 10);
  EXPECT_EQ(batch.sequence_id, (std::vector<std::uint32_t>{1, 1, 0, 0, 1, 1, 0, 0, 1, 1}));
  EXPECT_EQ(batch.domain, batch.sequence_id);
  EXPECT_EQ(batch.position, (std::vector<std::uint64_t>{0, 1, 2, 3, 2, 3, 4, 5, 4, 5}));
  EXPECT_EQ(batch.token_id, (std::vector<std::uint32_t>{3, 4, 2, 0, 5, 6, 1, 2, 7, 3}));
  EXPECT_EQ(workload->domain_names(), (Words{"one", "two"}));
}

TEST(Text, KnowsWhenItBeginsToRepeat) {
  const TestFolder folder;
  folder.write("one.txt", "a b c");
  folder.write("two.txt", "v w x y z");
  folder.write("six.txt", "1 2 3 4 5 6");
  for (const std::string files : {"one.txt", "two.txt", "one.txt, two.txt", "two.txt, one.txt",
                                  "six.txt, two.txt", "two.txt, six.txt, one.txt"}) {
    for (const std::string chunk : {"1", "2", "3", "4", "100"}) {
      const auto workload =
          must_make("{kind: text, files: [" + files + "]" +
                        (files.find(',') == std::string::npos ? "" : ", chunk_tokens: " + chunk) + "}",
                    {.directory = folder.path()});
      std::set<std::string> seen;  // every word of the files stands there once
      std::uint64_t g = 0;
      while (seen.insert(workload->token_text(g)).second) {
        ++g;
      }
      EXPECT_EQ(workload->tokens_before_repeat(), g) << files << " " << chunk;
    }
  }
}

TEST(Text, KeepsTheLawsOfAStream) {
  const TestFolder folder;
  folder.write("one.txt", "to be or not to be, that is the question: whether it is nobler in the mind");
  folder.write("two.txt", "가나다 라마바 사아자 차카타 파하 이 문장 은 짧다 .");
  for (const std::string rest :
       {"", ", tokenizer: byte", ", tokenizer: char, context_tokens: 5, chunk_tokens: 3",
        ", context_tokens: 0", ", context_weight: 0", ", chunk_tokens: 1"}) {
    SCOPED_TRACE(rest);
    const auto workload = must_make("{kind: text, tokens: 50, files: [one.txt, two.txt]" + rest + "}",
                                    {.directory = folder.path()});
    expect_stream_laws(*workload, 0, 130);
    expect_stream_laws(*workload, 999, 130);
  }
}

TEST(Text, MixesInTheContextOfTheSameFileAcrossChunksAndBatches) {
  const TestFolder folder;
  folder.write("one.txt", "a b c");
  folder.write("two.txt", "v w x");
  const auto workload = must_make(
      "{kind: text, files: [one.txt, two.txt], chunk_tokens: 1, context_tokens: 3, context_weight: 0.36, "
      "context_decay: 0.5}",
      {.directory = folder.path(), .seed = 5, .d_model = 2});
  // Tokens: a v b w c x a v …; token 8 is the b of the second round and reads back a, c, b.
  const TokenBatch batch = workload->slice(one_thread(), 8, 1);
  const auto a = embedding("a", 5, 2);
  const auto b = embedding("b", 5, 2);
  const auto c = embedding("c", 5, 2);
  for (std::size_t d = 0; d < 2; ++d) {
    const double context = (a[d] + 0.5 * c[d] + 0.25 * b[d]) / std::sqrt(1 + 0.25 + 0.0625);
    EXPECT_NEAR(batch.hidden.row(0)[d], 0.8 * b[d] + 0.6 * context, 1e-6);
  }
  // The second token of a file has one token before it, the first none.
  const TokenBatch start = workload->slice(one_thread(), 0, 3);
  for (std::size_t d = 0; d < 2; ++d) {
    EXPECT_EQ(start.hidden.row(0)[d], static_cast<float>(a[d]));
    EXPECT_EQ(start.hidden.row(1)[d], static_cast<float>(embedding("v", 5, 2)[d]));
    EXPECT_NEAR(start.hidden.row(2)[d], 0.8 * b[d] + 0.6 * a[d], 1e-6);
  }
}

TEST(Text, ContextDecayZeroReadsOnlyTheTokenBefore) {
  const TestFolder folder;
  folder.write("one.txt", "a b c");
  const auto workload = must_make("{kind: text, files: [one.txt], context_decay: 0}",
                                  {.directory = folder.path(), .seed = 5, .d_model = 4});
  const TokenBatch batch = workload->slice(one_thread(), 2, 1);
  for (std::size_t d = 0; d < 4; ++d) {
    EXPECT_NEAR(batch.hidden.row(0)[d], std::sqrt(0.5) * (embedding("c", 5, 4)[d] + embedding("b", 5, 4)[d]),
                1e-6);
  }
}

TEST(Text, GivesAWordTheSameVectorInAnySetOfFiles) {
  const TestFolder folder;
  folder.write("one.txt", "apple");
  folder.write("two.txt", "some other words, then apple");
  const Making making{.directory = folder.path()};
  const TokenBatch one =
      must_make("{kind: text, files: [one.txt], context_tokens: 0}", making)->slice(one_thread(), 0, 1);
  const TokenBatch two =
      must_make("{kind: text, files: [two.txt], context_tokens: 0}", making)->slice(one_thread(), 5, 1);
  EXPECT_NE(one.token_id[0], two.token_id[0]);
  EXPECT_TRUE(std::equal(one.hidden.row(0).begin(), one.hidden.row(0).end(), two.hidden.row(0).begin()));
}

TEST(Text, VectorsHaveUnitSquaredLengthPerNumber) {
  const TestFolder folder;
  std::string text;
  for (int i = 0; i < 500; ++i) {
    text += "word" + std::to_string(i) + " ";
  }
  folder.write("one.txt", text);
  const auto workload =
      must_make("{kind: text, files: [one.txt]}", {.directory = folder.path(), .d_model = 64});
  const TokenBatch batch = workload->slice(one_thread(), 0, 500);
  double sum = 0;
  for (Index r = 0; r < 500; ++r) {
    for (const float x : batch.hidden.row(r)) {
      sum += static_cast<double>(x) * x;
    }
  }
  EXPECT_NEAR(sum / (500 * 64), 1.0, 0.05);
}

TEST(Text, ShowsBytesAsPartsOfTheirCharacter) {
  const TestFolder folder;
  folder.write("one.txt", "é!");
  const auto workload =
      must_make("{kind: text, files: [one.txt], tokenizer: byte}", {.directory = folder.path()});
  EXPECT_EQ(texts(*workload, 0, 4), (Words{"é 1/2", "é 2/2", "!", "é 1/2"}));
  EXPECT_TRUE(workload->starts_character(0));
  EXPECT_FALSE(workload->starts_character(1));
  EXPECT_TRUE(workload->starts_character(2));
  EXPECT_EQ(workload->slice(one_thread(), 0, 3).token_id, (std::vector<std::uint32_t>{0xc3, 0xa9, '!'}));
}

TEST(Text, SortsPatternsAndMakesNamesUnique) {
  const TestFolder folder;
  folder.write("b/same.txt", "two");
  folder.write("a/same.txt", "one");
  folder.write("a/other.md", "three");
  const auto workload = must_make("{kind: text, files: ['*/same.txt', a/other.md], chunk_tokens: 1}",
                                  {.directory = folder.path()});
  EXPECT_EQ(texts(*workload, 0, 3), (Words{"one", "two", "three"}));
  EXPECT_EQ(workload->domain_names(), (Words{"same", "same (2)", "other"}));
}

TEST(Text, TokensZeroIsAnEmptyBatch) {
  const TestFolder folder;
  folder.write("one.txt", "a");
  const auto workload = must_make("{kind: text, files: [one.txt], tokens: 0}", {.directory = folder.path()});
  EXPECT_EQ(workload->batch(one_thread(), 1).num_tokens(), 0);
}

TEST(Text, LongSlicesInSeveralPassesHaveTheSameBits) {
  const TestFolder folder;
  std::string text;
  for (int i = 0; i < 40; ++i) {
    text += "w" + std::to_string(i) + " ";
  }
  folder.write("one.txt", text);
  // At this width the table of vectors holds 16 of them.
  const Index width = Index{1} << 18;
  const auto workload = must_make("{kind: text, files: [one.txt], context_tokens: 3}",
                                  {.directory = folder.path(), .d_model = width});
  const Context two({.threads = 2});
  const TokenBatch whole = workload->slice(two, 30, 18);
  for (Index row = 0; row < 18; row += 5) {
    EXPECT_TRUE(same_rows(whole, row, workload->slice(two, 30 + static_cast<std::uint64_t>(row), 1)));
  }
}

TEST(Text, CountsTheMemoryItHoldsAndTheBatch) {
  const TestFolder folder;
  folder.write("one.txt", "abcd");
  const auto workload =
      must_make("{kind: text, files: [one.txt], tokenizer: byte, tokens: 10}", {.directory = folder.path()});
  EXPECT_GE(workload->memory_bytes(10, 8), 4U + 10 * 52 + 256 * 32);
  EXPECT_LT(workload->memory_bytes(10, 8), 4U + 10 * 52 + 256 * 32 + 64);
}

}  // namespace
}  // namespace moesim
