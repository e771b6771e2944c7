// A text that stays with its topic for a while: runs of tokens share a direction, words inside a topic follow
// Zipf's law. The topic changes at token g with chance 1 - persistence, then to one drawn uniformly (the same
// one again included), and always at token 0. hidden = 0.6 topic vector + 0.8 word vector, so its expected
// squared length is D. Topics with their own words: Blei, Ng and Jordan 2003, "Latent Dirichlet allocation";
// that a topic persists: Griffiths et al. 2004, "Integrating topics and syntax".

#include "core/hash.h"
#include "workload/stream.h"
#include "workload/vector_table.h"
#include "workload/zipf.h"

namespace moesim {
namespace {

constexpr float kTopicFactor = 0.6F;
constexpr float kWordFactor = 0.8F;

// The most topics times the most words is 2^32: every token_id fits 32 bits.
struct TopicParams : StreamParams {
  std::int64_t topics = 8;
  std::int64_t words_per_topic = 1000;
  double zipf = 1.0;
  double persistence = 0.99;
};
void describe(Fields<TopicParams>& f) {
  describe_stream(f);
  f.add("topics", &TopicParams::topics).range(1, 4096).doc("number of topics");
  f.add("words_per_topic", &TopicParams::words_per_topic)
      .range(1, 1048576)
      .doc("words of a topic; no word belongs to two");
  f.add("zipf", &TopicParams::zipf)
      .range(0.0, 100.0)
      .doc("exponent of the word weights inside a topic; 0: all alike")
      .only_when([](const TopicParams& p) { return p.words_per_topic > 1; }, "workload.words_per_topic is 1");
  f.add("persistence", &TopicParams::persistence)
      .range(0.0, 0.999)
      .doc("chance that the next token keeps the topic")
      .only_when([](const TopicParams& p) { return p.topics > 1; }, "workload.topics is 1");
}

class ZipfTopics final : public Workload {
 public:
  ZipfTopics(const TopicParams& params, const WorkloadEnvironment& environment)
      : Workload(params.tokens, params.steps),
        topics_(static_cast<std::uint32_t>(params.topics)),
        words_(static_cast<std::uint32_t>(params.words_per_topic)),
        persistence_(params.persistence),
        weights_(params.words_per_topic, params.zipf),
        seed_(environment.seed),
        d_model_(environment.d_model) {}

  TokenBatch slice(const Context& context, std::uint64_t first, Index count) const override {
    TokenBatch batch = make_batch({.first_token = first, .tokens = count, .d_model = d_model_});
    for_each_row_block(context, 0, count, [&](Index begin, Index end) { draw_rows(begin, end, batch); });
    if (topics_ <= kMaxNamedDomains) {
      for (const std::uint32_t id : batch.token_id) {
        batch.domain.push_back(id / words_);
      }
    }
    VectorTable vectors(d_model_);
    const Index pass_rows = std::max<Index>(1, VectorTable::limit(d_model_) / 2);
    for (Index begin = 0; begin < count; begin += pass_rows) {
      fill_rows(context, begin, std::min(begin + pass_rows, count), vectors, batch);
    }
    return batch;
  }

  std::string token_text(std::uint64_t g) const override { return word_text(id_of(topic_of(g), g)); }
  std::vector<std::string> domain_names() const override { return numbered_domains("topic", topics_); }
  std::uint64_t memory_bytes(Index batch_tokens, Index d_model) const override {
    const Index vectors = std::min(2 * batch_tokens, VectorTable::limit(d_model) + 1);
    return weights_.memory_bytes() + batch_bytes(batch_tokens, d_model) +
           static_cast<std::uint64_t>(vectors) * static_cast<std::uint64_t>(d_model) * sizeof(float);
  }

 private:
  // The topic drawn at token g, or nothing where the topic stays.
  std::optional<std::uint32_t> new_topic(std::uint64_t g) const {
    RandomSequence draw({.seed = seed_, .stream = Stream::topic}, g);
    if (draw.next_uniform() >= persistence_ || g == 0) {
      return draw.next_below(topics_);
    }
    return std::nullopt;
  }
  // The topic of the last change at or before g: about 1 / (1 - persistence) steps back, at most some
  // thousand.
  std::uint32_t topic_of(std::uint64_t g) const {
    std::optional<std::uint32_t> topic = new_topic(g);
    while (!topic) {
      topic = new_topic(--g);
    }
    return *topic;
  }
  std::uint32_t id_of(std::uint32_t topic, std::uint64_t g) const {
    RandomSequence draw({.seed = seed_, .stream = Stream::topic_word}, g);
    return topic * words_ + weights_.draw(draw.next_uniform());
  }
  void draw_rows(Index begin, Index end, TokenBatch& batch) const {
    std::uint64_t g = batch.first_token + static_cast<std::uint64_t>(begin);
    std::uint32_t topic = topic_of(g);
    for (Index row = begin; row < end; ++row, ++g) {
      const auto r = static_cast<std::size_t>(row);
      topic = new_topic(g).value_or(topic);
      batch.token_id[r] = id_of(topic, g);
      batch.position[r] = g;
    }
  }
  std::string topic_text(std::uint32_t topic) const { return "topic " + std::to_string(topic); }
  std::string word_text(std::uint32_t id) const {
    return topic_text(id / words_) + " word " + std::to_string(id % words_);
  }

  // Vectors are those of the texts "topic 3" and "topic 3 word 17", as in any text. In the table words have
  // their token_id and topics stand behind the last word.
  void fill_rows(const Context& context, Index begin, Index end, VectorTable& vectors,
                 TokenBatch& batch) const {
    const std::uint64_t first_topic = static_cast<std::uint64_t>(topics_) * words_;
    vectors.clear();
    std::vector<std::pair<std::uint32_t, std::uint32_t>> slots;
    for (Index row = begin; row < end; ++row) {
      const std::uint32_t id = batch.token_id[static_cast<std::size_t>(row)];
      const std::uint32_t topic_slot = vectors.slot(first_topic + id / words_);
      slots.emplace_back(topic_slot, vectors.slot(id));
    }
    vectors.fill(context, {.seed = seed_, .stream = Stream::embedding}, [&](std::uint64_t id) {
      return hash64(id < first_topic ? word_text(static_cast<std::uint32_t>(id))
                                     : topic_text(static_cast<std::uint32_t>(id - first_topic)));
    });
    for_each_row(context, begin, end, [&](Index row) {
      const auto [topic_slot, word_slot] = slots[static_cast<std::size_t>(row - begin)];
      const std::span<float> hidden = batch.hidden.row(row);
      const std::span<const float> topic = vectors.vector(topic_slot);
      const std::span<const float> word = vectors.vector(word_slot);
      for (std::size_t d = 0; d < hidden.size(); ++d) {
        hidden[d] = kTopicFactor * topic[d] + kWordFactor * word[d];
      }
    });
  }

  std::uint32_t topics_;
  std::uint32_t words_;
  double persistence_;
  Zipf weights_;
  std::uint64_t seed_;
  Index d_model_;
};

}  // namespace

WorkloadEntry workload_zipf_topics() {
  return {"zipf_topics", "topics that last for a while, each with its own words under Zipf's law",
          "Zipf 1949 for the words, topics after Blei, Ng and Jordan 2003",
          [] { return fields_of<TopicParams>().infos(); },
          [](Binder& binder, const Node& section,
             const WorkloadEnvironment& environment) -> std::unique_ptr<Workload> {
            const auto params = bind_workload_section<TopicParams>(binder, section);
            return params ? std::make_unique<ZipfTopics>(*params, environment) : nullptr;
          }};
}

}  // namespace moesim
