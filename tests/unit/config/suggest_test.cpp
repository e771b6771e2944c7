#include "config/suggest.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace moesim {
namespace {

const std::vector<std::string> kKeys = {"top_k", "top_p", "score_func", "route_norm", "num_experts", "k"};

TEST(Suggest, FindsOneEditOfEachKind) {
  EXPECT_EQ(suggest("topk", kKeys), "top_k");
  EXPECT_EQ(suggest("top__k", kKeys), "top_k");
  EXPECT_EQ(suggest("tap_k", kKeys), "top_k");
  EXPECT_EQ(suggest("tpo_k", kKeys), "top_k");
  EXPECT_EQ(suggest("score_fucn", kKeys), "score_func");
}

TEST(Suggest, AllowsAThirdOfTheWord) {
  EXPECT_EQ(suggest("routenrm", kKeys), "route_norm");       // 2 of 8
  EXPECT_EQ(suggest("rte_nm", {"route_norm"}), "");          // 4 of 6
  EXPECT_EQ(suggest("abcdef", {"abcxyf"}), "abcxyf");        // 2 of 6
  EXPECT_EQ(suggest("abcdef", {"abxyzf"}), "");              // 3 of 6
  EXPECT_EQ(suggest("abcde", {"abxyz", "abxde"}), "abxde");  // 1 of 5
}

TEST(Suggest, CaseDashAndPluralAlwaysCount) {
  EXPECT_EQ(suggest("TOP_K", kKeys), "top_k");
  EXPECT_EQ(suggest("Num-Experts", kKeys), "num_experts");
  EXPECT_EQ(suggest("num_expert", kKeys), "num_experts");
  EXPECT_EQ(suggest("route_norms", kKeys), "route_norm");
  EXPECT_EQ(suggest("TOP-KS", {"top_p", "top_k"}), "top_k");
}

TEST(Suggest, TiesGoToTheFirst) {
  EXPECT_EQ(suggest("top_x", {"top_k", "top_p"}), "top_k");
  EXPECT_EQ(suggest("top_x", {"top_p", "top_k"}), "top_p");
}

TEST(Suggest, AWordThatChangesEntirelyIsNotNear) {
  EXPECT_EQ(suggest("x", {"k"}), "");
  EXPECT_EQ(suggest("x", {"xy"}), "xy");
  EXPECT_EQ(suggest("", kKeys), "");
  EXPECT_EQ(suggest("a", {}), "");
}

TEST(Suggest, CountsCharactersNotBytes) {
  EXPECT_EQ(suggest("한국", {"한글"}), "한글");  // one character of two
  EXPECT_EQ(suggest("한국", {"영어"}), "");
}

TEST(Suggest, LongAndBrokenWordsAreHarmless) {
  EXPECT_EQ(suggest(std::string(1 << 20, 'x'), kKeys), "");
  EXPECT_EQ(suggest("top_\xff", kKeys), "top_k");
}

RC_GTEST_PROP(Suggest, ReturnsACandidateOrNothing,
              (const std::string& word, const std::vector<std::string>& list)) {
  const std::string near = suggest(word, list);
  RC_ASSERT(near.empty() || std::find(list.begin(), list.end(), near) != list.end());
}

RC_GTEST_PROP(Suggest, OneSwapInALongWordIsFound, ()) {
  std::string word = *rc::gen::container<std::string>(8, rc::gen::inRange('a', 'z'));
  const std::string right = word;
  const auto i = *rc::gen::inRange<std::size_t>(0, 7);
  std::swap(word[i], word[i + 1]);
  RC_ASSERT(suggest(word, {"0123456789", right}) == right);
}

TEST(ListChoices, IsSortedUpToTwelve) {
  EXPECT_EQ(list_choices({"softmax", "relu"}), "relu, softmax");
  EXPECT_EQ(list_choices({}), "");
  const std::vector<std::string> twelve(12, "a");
  EXPECT_EQ(list_choices(twelve), "a, a, a, a, a, a, a, a, a, a, a, a");
  EXPECT_EQ(list_choices(std::vector<std::string>(13, "a")), "");
}

TEST(ListKeys, NamesTheCommandThatListsALongSection) {
  EXPECT_EQ(list_keys({"kind", "factor"}, "capacity"), "factor, kind");
  EXPECT_EQ(list_keys(std::vector<std::string>(17, "a"), "router"),
            "a, a, a, a, a, a, a, a, a, a, … (17 in all: 'moesim explain router')");
  EXPECT_NE(list_keys(std::vector<std::string>(17, "a"), "").find("'moesim explain config'"),
            std::string::npos);
}

}  // namespace
}  // namespace moesim
