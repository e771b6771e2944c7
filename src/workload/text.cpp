// Real text as a workload: words, characters or bytes of a list of files, read in turns so that any batch is
// a mix of the files. Each token has a fixed random vector (its embedding), and hidden adds what stood before
// it:
//
//   e_i  independent normal numbers, a function of (seed, spelling): the same word has the same vector in any
//        set of files
//   c_i  = sum over j = 1..n of decay^(j-1) e_(i-j), divided by sqrt(sum of decay^(2(j-1))): expected squared
//        length D, as e_i; n = context_tokens, or what the file holds before the token if that is less
//   h_i  = sqrt(1-w) e_i + sqrt(w) c_i, w = context_weight; e_i where n = 0
//
// Token g: chunk c = g / chunk_tokens, file f = c mod (number of files), index in the file
// i = (c / files) chunk_tokens + g mod chunk_tokens, from the start again behind the file's end.
// Random vectors keep distances: Johnson and Lindenstrauss 1984, "Extensions of Lipschitz mappings into a
// Hilbert space"; a weighted sum of what came before is the simplest context (leaky integrator, echo states:
// Jaeger 2001).

#include <cmath>

#include "core/hash.h"
#include "workload/corpus.h"
#include "workload/named_texts.h"
#include "workload/stream.h"
#include "workload/vector_table.h"

namespace moesim {
namespace {

struct TextParams : StreamParams {
  std::vector<std::string> files;
  TokenizerKind tokenizer = TokenizerKind::word;
  std::int64_t context_tokens = 32;
  double context_weight = 0.5;
  double context_decay = 0.9;
  std::int64_t chunk_tokens = 128;
};
void describe(Fields<TextParams>& f) {
  describe_stream(f);
  f.add("files", &TextParams::files)
      .required()
      .doc(
          "text files: paths or patterns (* ? [...]), relative to the config file; ${MOESIM_DATA}/ may stand "
          "in front");
  f.add("tokenizer", &TextParams::tokenizer).doc("what a token is");
  f.add("context_tokens", &TextParams::context_tokens)
      .range(0, 1024)
      .doc("how many tokens before a token enter its vector")
      .only_when([](const TextParams& p) { return p.context_weight > 0 || p.context_tokens == 0; },
                 "workload.context_weight is 0");
  f.add("context_weight", &TextParams::context_weight)
      .range(0.0, 1.0)
      .doc("share of the context in the squared length of a token's vector")
      .only_when([](const TextParams& p) { return p.context_tokens > 0 || p.context_weight == 0; },
                 "workload.context_tokens is 0");
  f.add("context_decay", &TextParams::context_decay)
      .range(0.0, 1.0)
      .doc("factor of a context token against the one behind it")
      .only_when([](const TextParams& p) { return p.context_tokens > 1 && p.context_weight > 0; },
                 "at most one context token is mixed in");
  f.add("chunk_tokens", &TextParams::chunk_tokens)
      .range(1, 1048576)
      .doc("consecutive tokens of a file before the next file has its turn");
}

// How a token's vector is put together; see the top of the file.
struct ContextMix {
  explicit ContextMix(const TextParams& p)
      : tokens(p.context_weight > 0 ? p.context_tokens : 0),
        own(static_cast<float>(std::sqrt(1 - p.context_weight))) {
    double squares = 0;
    context.push_back(0.0F);
    for (Index j = 0; j < tokens; ++j) {
      const double factor = std::pow(p.context_decay, static_cast<double>(j));
      squares += factor * factor;
      decay.push_back(static_cast<float>(factor));
      context.push_back(static_cast<float>(std::sqrt(p.context_weight / squares)));
    }
  }

  Index tokens;                // the most that are read back
  float own;                   // factor of the token's own embedding
  std::vector<float> decay;    // [tokens] of the embedding j+1 places back
  std::vector<float> context;  // [tokens+1] of the sum over n embeddings
};

struct Place {
  std::uint32_t file = 0;
  std::uint64_t position = 0;  // index in the file, counted on beyond its end
};

std::uint64_t hash_of(const std::vector<std::string>& texts) {
  Hasher hash;
  for (const std::string& text : texts) {
    hash.add(text.size());
    hash.add_bytes(text.data(), text.size());
  }
  return hash.digest();
}

class TextWorkload final : public Workload {
 public:
  TextWorkload(const TextParams& params, NamedTexts texts, const WorkloadEnvironment& environment)
      : Workload(params.tokens, params.steps),
        names_(std::move(texts.names)),
        input_hash_(hash_of(texts.texts)),
        corpus_(params.tokenizer, std::move(texts.texts)),
        chunk_tokens_(static_cast<std::uint64_t>(params.chunk_tokens)),
        mix_(params),
        seed_(environment.seed),
        d_model_(environment.d_model) {}

  TokenBatch slice(const Context& context, std::uint64_t first, Index count) const override;

  std::string token_text(std::uint64_t g) const override {
    const Place place = place_of(g);
    return corpus_.display(place.file, wrapped(place));
  }
  bool starts_character(std::uint64_t g) const override {
    const Place place = place_of(g);
    return corpus_.starts_character(place.file, wrapped(place));
  }
  std::uint64_t tokens_before_repeat() const override;
  std::uint64_t input_hash() const override { return input_hash_; }
  std::vector<std::string> domain_names() const override { return names_; }
  std::uint64_t memory_bytes(Index batch_tokens, Index d_model) const override {
    const std::uint64_t vectors = std::min(
        corpus_.distinct(), static_cast<std::uint64_t>(VectorTable::limit(d_model) + mix_.tokens + 1));
    return corpus_.memory_bytes() + batch_bytes(batch_tokens, d_model) +
           vectors * static_cast<std::uint64_t>(d_model) * sizeof(float);
  }

 private:
  // Rows [begin, end) of a slice and the embeddings they need. Row begin+r has its own embedding at
  // slots[own_slot[r]] and that of the token j places before at slots[own_slot[r] - j].
  struct Pass {
    explicit Pass(Index d_model) : table(d_model) {}
    Index begin = 0;
    Index end = 0;
    VectorTable table;
    std::vector<std::uint32_t> slots;
    std::vector<std::size_t> own_slot;
  };

  Place place_of(std::uint64_t g) const {
    const std::uint64_t chunk = g / chunk_tokens_;
    const std::uint64_t files = corpus_.num_texts();
    return {static_cast<std::uint32_t>(chunk % files), chunk / files * chunk_tokens_ + g % chunk_tokens_};
  }
  std::uint64_t wrapped(const Place& place) const { return place.position % corpus_.size(place.file); }
  Index context_terms(std::uint64_t position) const {
    return static_cast<Index>(std::min(static_cast<std::uint64_t>(mix_.tokens), position));
  }
  std::uint32_t id_at(std::uint32_t file, std::uint64_t position) const {
    return corpus_.id(file, wrapped({file, position}));
  }

  void collect(Pass& pass, Index begin, const TokenBatch& batch) const;
  void mix_row(const Pass& pass, Index row, TokenBatch& batch) const;

  std::vector<std::string> names_;
  std::uint64_t input_hash_;
  Corpus corpus_;
  std::uint64_t chunk_tokens_;
  ContextMix mix_;
  std::uint64_t seed_;
  Index d_model_;
};

// Until the file that ends first has had its last whole or begun turn.
std::uint64_t TextWorkload::tokens_before_repeat() const {
  std::uint64_t shortest = UINT64_MAX;
  const std::uint64_t files = corpus_.num_texts();
  for (std::uint32_t file = 0; file < files; ++file) {
    const std::uint64_t size = corpus_.size(file);
    const std::uint64_t turns = size / chunk_tokens_;
    shortest = std::min(shortest, (turns * files + file) * chunk_tokens_ + size % chunk_tokens_);
  }
  return shortest;
}

// Takes rows from `begin` on until the table or the list of slots is full.
void TextWorkload::collect(Pass& pass, Index begin, const TokenBatch& batch) const {
  constexpr std::size_t kMaxSlots = std::size_t{1} << 24;
  pass.begin = begin;
  pass.end = begin;
  pass.table.clear();
  pass.slots.clear();
  pass.own_slot.clear();
  while (pass.end < batch.num_tokens() && pass.slots.size() < kMaxSlots &&
         pass.table.size() < VectorTable::limit(d_model_)) {
    const auto r = static_cast<std::size_t>(pass.end);
    const std::uint32_t file = batch.sequence_id[r];
    const std::uint64_t position = batch.position[r];
    // Neighbours of the same file follow each other in it: a chunk is never left and entered again.
    const bool continues = pass.end > begin && batch.sequence_id[r - 1] == file;
    for (Index j = continues ? 0 : context_terms(position); j > 0; --j) {
      pass.slots.push_back(pass.table.slot(id_at(file, position - static_cast<std::uint64_t>(j))));
    }
    pass.own_slot.push_back(pass.slots.size());
    pass.slots.push_back(pass.table.slot(batch.token_id[r]));
    ++pass.end;
  }
}

void TextWorkload::mix_row(const Pass& pass, Index row, TokenBatch& batch) const {
  const std::size_t own = pass.own_slot[static_cast<std::size_t>(row - pass.begin)];
  const std::span<const float> embedding = pass.table.vector(pass.slots[own]);
  const std::span<float> hidden = batch.hidden.row(row);
  const Index terms = context_terms(batch.position[static_cast<std::size_t>(row)]);
  if (terms == 0) {
    std::copy(embedding.begin(), embedding.end(), hidden.begin());
    return;
  }
  std::fill(hidden.begin(), hidden.end(), 0.0F);
  for (Index j = 1; j <= terms; ++j) {
    const float factor = mix_.decay[static_cast<std::size_t>(j - 1)];
    const std::span<const float> before = pass.table.vector(pass.slots[own - static_cast<std::size_t>(j)]);
    for (std::size_t d = 0; d < hidden.size(); ++d) {
      hidden[d] += factor * before[d];
    }
  }
  const float scale = mix_.context[static_cast<std::size_t>(terms)];
  for (std::size_t d = 0; d < hidden.size(); ++d) {
    hidden[d] = mix_.own * embedding[d] + scale * hidden[d];
  }
}

TokenBatch TextWorkload::slice(const Context& context, std::uint64_t first, Index count) const {
  TokenBatch batch = make_batch({.first_token = first, .tokens = count, .d_model = d_model_});
  for_each_row(context, 0, count, [&](Index row) {
    const auto r = static_cast<std::size_t>(row);
    const Place place = place_of(first + r);
    batch.sequence_id[r] = place.file;
    batch.position[r] = place.position;
    batch.token_id[r] = id_at(place.file, place.position);
  });
  batch.domain = batch.sequence_id;
  Pass pass(d_model_);
  while (pass.end < count) {
    collect(pass, pass.end, batch);
    pass.table.fill(context, {.seed = seed_, .stream = Stream::embedding}, [&](std::uint64_t id) {
      return hash64(corpus_.spelling(static_cast<std::uint32_t>(id)));
    });
    for_each_row(context, pass.begin, pass.end, [&](Index row) { mix_row(pass, row, batch); });
  }
  return batch;
}

std::unique_ptr<Workload> make_text(Binder& binder, const Node& section,
                                    const WorkloadEnvironment& environment) {
  const std::optional<TextParams> params = bind_workload_section<TextParams>(binder, section);
  if (!params) {
    return nullptr;
  }
  const std::size_t problems = binder.diagnostics.list().size();
  NamedTexts texts = read_texts(
      binder, {.files = params->files, .tokenizer = params->tokenizer, .source = environment.source});
  if (texts.texts.size() == 1 && binder.given("workload.chunk_tokens")) {
    binder.inert("workload.chunk_tokens", "workload.files is a single file");
  }
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  return std::make_unique<TextWorkload>(*params, std::move(texts), environment);
}

}  // namespace

WorkloadEntry workload_text() {
  return {"text", "words, characters or bytes of text files, each with some context mixed in",
          "random vectors of words (Johnson and Lindenstrauss 1984) and a decaying sum of what came before",
          [] { return fields_of<TextParams>().infos(); }, make_text};
}

}  // namespace moesim
