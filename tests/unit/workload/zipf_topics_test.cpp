#include <cmath>
#include <map>

#include "core/hash.h"
#include "core/random.h"
#include "unit/workload/making.h"

namespace moesim {
namespace {

TEST(ZipfTopics, KeepsTheLawsOfAStream) {
  expect_stream_laws(*must_make("{kind: zipf_topics, tokens: 100, words_per_topic: 50}"), 4999, 193);
}

TEST(ZipfTopics, IsTopicVectorPlusWordVector) {
  const auto workload =
      must_make("{kind: zipf_topics, topics: 3, words_per_topic: 5}", {.seed = 7, .d_model = 6});
  const TokenBatch batch = workload->slice(one_thread(), 20, 9);
  for (Index r = 0; r < 9; ++r) {
    const auto i = static_cast<std::size_t>(r);
    const std::string topic = "topic " + std::to_string(batch.token_id[i] / 5);
    const std::string word = topic + " word " + std::to_string(batch.token_id[i] % 5);
    std::vector<float> topic_vector(6);
    std::vector<float> word_vector(6);
    fill_normal({.seed = 7, .stream = Stream::embedding}, hash64(topic), 1.0F, topic_vector);
    fill_normal({.seed = 7, .stream = Stream::embedding}, hash64(word), 1.0F, word_vector);
    for (std::size_t d = 0; d < 6; ++d) {
      EXPECT_EQ(batch.hidden.row(r)[d], 0.6F * topic_vector[d] + 0.8F * word_vector[d]);
    }
    EXPECT_EQ(batch.domain[i], batch.token_id[i] / 5);
    EXPECT_EQ(batch.position[i], 20 + i);
    EXPECT_EQ(batch.sequence_id[i], 0U);
    EXPECT_EQ(workload->token_text(20 + i), word);
  }
}

TEST(ZipfTopics, DrawsWordsWithZipfWeights) {
  const auto workload = must_make("{kind: zipf_topics, topics: 4, words_per_topic: 20}", {.d_model = 1});
  const Index total = 100000;
  std::vector<double> counts(20);
  for (const std::uint32_t id : workload->slice(one_thread(), 0, total).token_id) {
    counts.at(id % 20) += 1;
  }
  std::vector<double> shares;
  double sum = 0;
  for (int word = 1; word <= 20; ++word) {
    shares.push_back(1.0 / word);
    sum += 1.0 / word;
  }
  for (double& share : shares) {
    share /= sum;
  }
  EXPECT_LT(chi_square(counts, shares, static_cast<double>(total)),
            43.8);  // 19 degrees of freedom, p = 0.001
}

TEST(ZipfTopics, KeepsATopicAsOftenAsItsPersistenceSays) {
  const auto workload = must_make("{kind: zipf_topics, topics: 8, persistence: 0.9}", {.d_model = 1});
  const Index total = 200000;
  const std::vector<std::uint32_t> topic = workload->slice(one_thread(), 0, total).domain;
  std::vector<double> counts(8);
  double changes = 0;
  for (std::size_t i = 1; i < topic.size(); ++i) {
    if (topic[i] != topic[i - 1]) {
      changes += 1;
      counts.at(topic[i]) += 1;
    }
  }
  const double p = 0.1 * 7 / 8;  // a change draws the same topic again once in eight
  const double n = static_cast<double>(total - 1);
  EXPECT_LT(std::abs(changes - n * p) / std::sqrt(n * p * (1 - p)), 4.0);
  EXPECT_LT(chi_square(counts, std::vector<double>(8, 0.125), changes),
            24.3);  // 7 degrees of freedom, p = 0.001
}

TEST(ZipfTopics, PersistenceZeroDrawsEachTopicAnew) {
  const auto workload = must_make("{kind: zipf_topics, topics: 2, persistence: 0}", {.d_model = 1});
  const std::vector<std::uint32_t> topic = workload->slice(one_thread(), 0, 10000).domain;
  double same = 0;
  for (std::size_t i = 1; i < topic.size(); ++i) {
    same += topic[i] == topic[i - 1] ? 1 : 0;
  }
  EXPECT_NEAR(same / 9999.0, 0.5, 0.02);
}

TEST(ZipfTopics, HoldsTheMostTopicsAndWords) {
  const auto workload = must_make("{kind: zipf_topics, topics: 4096, words_per_topic: 1048576, zipf: 0}");
  const TokenBatch batch = workload->slice(one_thread(), 0, 64);
  EXPECT_TRUE(batch.domain.empty());
  EXPECT_TRUE(workload->domain_names().empty());
  EXPECT_EQ(workload->token_text(5), "topic " + std::to_string(batch.token_id[5] / 1048576U) + " word " +
                                         std::to_string(batch.token_id[5] % 1048576U));
}

TEST(ZipfTopics, NamesItsTopics) {
  EXPECT_EQ(must_make("{kind: zipf_topics, topics: 2}")->domain_names(),
            (std::vector<std::string>{"topic 0", "topic 1"}));
}

TEST(ZipfTopics, RejectsWhatItCannotUse) {
  const auto first_error = [](const std::string& section) {
    const Made made = make_workload(section);
    return made.errors.empty() ? "no error" : made.errors.front();
  };
  EXPECT_EQ(
      first_error("{kind: zipf_topics, persistence: 1}"),
      "c.yaml:1:44: error: workload.persistence: got 1; expected a number from 0 to 0.999 [out-of-range]");
  EXPECT_EQ(
      first_error("{kind: zipf_topics, topics: 1, persistence: 0.5}"),
      "c.yaml:1:42: error: workload.persistence: has no effect because workload.topics is 1 [no-effect]");
  EXPECT_EQ(
      first_error("{kind: zipf_topics, words_per_topic: 1, zipf: 0}"),
      "c.yaml:1:51: error: workload.zipf: has no effect because workload.words_per_topic is 1 [no-effect]");
}

}  // namespace
}  // namespace moesim
