// Reading the compact binary form: what its records hold.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "core/text.h"
#include "io/recording_error.h"
#include "io/recording_forms.h"
#include "io/recording_moer_records.h"

namespace moesim {
namespace {

class Moer final : public Recording {
 public:
  Moer(std::unique_ptr<RecordingBytes> bytes, const RecordingOptions& options)
      : records_(std::move(bytes)),
        wants_text_(options.text),
        groups_(records_.name(), records_.header().columns, options) {
    const std::string& source = records_.header().source;
    info_.form = "moer";
    info_.source = records_.name() + (source.empty() ? "" : " (" + display_safe(source) + ")");
    info_.columns = groups_.columns();
    info_.by_token = has(kMoerChoices);
    info_.parts = {.steps = has(kMoerSteps),
                   .weights = has(kMoerWeights),
                   .kept = has(kMoerKept),
                   .text = has(kMoerText),
                   .sequences = has(kMoerSequences),
                   .token_ids = has(kMoerTokenIds)};
  }

  const RecordingInfo& info() const override { return info_; }

  bool next(ChoiceBlock& block) override {
    while (info_.by_token && find_record(MoerKind::choices)) {
      MoerCursor cursor = records_.payload();
      if (read_choices(cursor, block)) {
        groups_.publish(info_);
        return true;
      }
    }
    return false;
  }

  bool next(RecordedCounts& counts) override {
    while (!info_.by_token && find_record(MoerKind::counts)) {
      MoerCursor cursor = records_.payload();
      if (read_counts(cursor, counts)) {
        groups_.publish(info_);
        return true;
      }
    }
    return false;
  }

 private:
  struct Last {
    std::uint64_t step = 0;
    std::uint64_t end = 0;  // token behind the last
  };

  bool has(std::uint32_t part) const { return (records_.header().parts & part) != 0; }

  // The next record of the kind, its payload checked; groups on the way are understood. False behind the
  // last.
  bool find_record(MoerKind wanted) {
    while (!ended_) {
      const MoerKind kind = records_.read();
      if (kind == MoerKind::end) {
        end();
      } else if (kind == MoerKind::group) {
        ++totals_.records;
        read_group();
      } else if (kind == wanted) {
        ++totals_.records;
        return true;
      } else {
        records_.refuse(records_.place(),
                        fmt::format("a record of {}", kind == MoerKind::counts ? "counts" : "choices"),
                        info_.by_token ? "choices, as the header says" : "counts, as the header says");
      }
    }
    return false;
  }

  void end() {
    MoerCursor cursor = records_.payload();
    MoerTotals told;
    told.records = cursor.number<std::uint64_t>("the number of records");
    told.choices = cursor.number<std::uint64_t>("the number of choices");
    told.tokens = cursor.number<std::uint64_t>("the number of tokens");
    told.counted = cursor.number<std::uint64_t>("the sum of counts");
    cursor.require_end();
    if (told != totals_) {
      records_.refuse(records_.payload_place(),
                      fmt::format("{} records, {} choices, {} tokens and a sum of {} are promised",
                                  told.records, told.choices, told.tokens, told.counted),
                      fmt::format("{}, {}, {} and {}, as there are", totals_.records, totals_.choices,
                                  totals_.tokens, totals_.counted));
    }
    records_.require_end_of_file();
    ended_ = true;
    groups_.finish(info_);
  }

  void read_group() {
    MoerCursor cursor = records_.payload();
    std::vector<std::string> values;
    std::vector<std::string_view> views;
    for (std::size_t i = 0; i < records_.header().columns.size(); ++i) {
      values.push_back(cursor.text("a value"));
    }
    cursor.require_end();
    views.assign(values.begin(), values.end());
    const auto where = [this] {
      return fmt::format("{}: error: byte {}", records_.name(), records_.payload_place());
    };
    const Index group = groups_.find(views, where);
    if (group >= 0 && std::count(of_file_.begin(), of_file_.end(), group) > 0) {
      records_.refuse(records_.payload_place(), "the group stands a second time", "each group once");
    }
    of_file_.push_back(group);
  }

  Index group_of(MoerCursor& cursor) {
    const std::uint64_t place = cursor.place();
    const auto group = cursor.number<std::uint32_t>("the group");
    if (group >= of_file_.size()) {
      cursor.refuse(place, fmt::format("group {}", group),
                    fmt::format("one of the {} before it", of_file_.size()));
    }
    return of_file_[group];
  }
  static Index layer_of(MoerCursor& cursor) {
    const std::uint64_t place = cursor.place();
    const auto layer = cursor.number<std::uint32_t>("the layer");
    if (layer >= kMostRecordedLayers) {
      cursor.refuse(place, fmt::format("layer {}", layer), fmt::format("0 to {}", kMostRecordedLayers - 1));
    }
    return layer;
  }
  static std::uint64_t below_2_63(MoerCursor& cursor, const char* what) {
    const std::uint64_t place = cursor.place();
    const auto value = cursor.number<std::uint64_t>(what);
    if (value > INT64_MAX) {
      cursor.refuse(place, fmt::format("{} is {}", what, value), "a number below 2^63");
    }
    return value;
  }

  // False where --where leaves the block out.
  bool read_choices(MoerCursor& cursor, ChoiceBlock& block);
  void read_begin(MoerCursor& cursor, ChoiceBlock& block, std::uint32_t tokens, std::uint32_t k);
  template <class Id>
  void read_ids(MoerCursor& cursor, ChoiceBlock& block);
  void read_weights(MoerCursor& cursor, ChoiceBlock& block) const;
  static void read_kept(MoerCursor& cursor, ChoiceBlock& block);
  static void read_sequences(MoerCursor& cursor, ChoiceBlock& block, std::uint32_t tokens);
  static void read_token_ids(MoerCursor& cursor, ChoiceBlock& block, std::uint32_t tokens);
  void read_texts(MoerCursor& cursor, ChoiceBlock& block, std::uint32_t tokens) const;
  void check_order(std::uint64_t place, const ChoiceBlock& block, std::uint32_t tokens);
  bool read_counts(MoerCursor& cursor, RecordedCounts& counts);

  MoerRecords records_;
  bool wants_text_;
  RecordingGroups groups_;
  RecordingInfo info_;
  std::vector<Index> of_file_;  // the group of each that the file defines; -1: left out
  MoerTotals totals_;
  bool ended_ = false;
  DistinctExperts distinct_;
  std::unordered_map<std::uint64_t, Last> last_;  // of each group and layer
};

bool Moer::read_choices(MoerCursor& cursor, ChoiceBlock& block) {
  clear_block(block);
  block.group = group_of(cursor);
  block.layer = layer_of(cursor);
  block.step = static_cast<Index>(below_2_63(cursor, "the step"));
  const std::uint64_t token_place = cursor.place();
  block.first_token = below_2_63(cursor, "the first token");
  const std::uint64_t tokens_place = cursor.place();
  const auto tokens = cursor.number<std::uint32_t>("the number of tokens");
  if (tokens < 1 || tokens > kMoerMostTokens) {
    cursor.refuse(tokens_place, fmt::format("{} tokens", tokens), fmt::format("1 to {}", kMoerMostTokens));
  }
  const std::uint64_t k_place = cursor.place();
  const auto k = cursor.number<std::uint32_t>("the number of experts of a token");
  if (k > kMostRecordedExperts) {
    cursor.refuse(k_place, fmt::format("{} experts of a token", k),
                  fmt::format("at most {}", kMostRecordedExperts));
  }
  totals_.tokens += tokens;
  read_begin(cursor, block, tokens, k);
  totals_.choices += block.begin.back();
  if (tokens > 1 && block.begin.back() > kMoerMostChoices) {
    cursor.refuse(tokens_place, fmt::format("{} choices of {} tokens", block.begin.back(), tokens),
                  fmt::format("at most {} in a record of several tokens", kMoerMostChoices));
  }
  if (block.group < 0) {
    return false;
  }
  check_order(token_place, block, tokens);
  if ((records_.flags() & kMoerWide) != 0) {
    read_ids<std::uint16_t>(cursor, block);
  } else {
    read_ids<std::uint8_t>(cursor, block);
  }
  if (has(kMoerWeights)) {
    read_weights(cursor, block);
  }
  if (has(kMoerKept)) {
    read_kept(cursor, block);
  }
  block.sequence.assign(tokens, 0);
  if (has(kMoerSequences)) {
    read_sequences(cursor, block, tokens);
  }
  if (has(kMoerTokenIds)) {
    read_token_ids(cursor, block, tokens);
  }
  if (has(kMoerText)) {
    read_texts(cursor, block, tokens);
  }
  cursor.require_end();
  return true;
}

void Moer::read_begin(MoerCursor& cursor, ChoiceBlock& block, std::uint32_t tokens, std::uint32_t k) {
  const Index top_k = block.group < 0 ? 0 : groups_.group(block.group).top_k;
  const std::uint64_t place = cursor.place();
  // Each choice takes a byte of this record at least: a lying number asks for no memory.
  const auto check = [&](std::uint64_t chosen, std::uint64_t at, std::uint32_t token) {
    if (top_k > 0 && chosen != static_cast<std::uint64_t>(top_k)) {
      cursor.refuse(at, fmt::format("token {} has {} experts", token, chosen),
                    fmt::format("{}, the top_k of its group", top_k));
    }
  };
  if (k > 0) {
    check(k, place, 0);
    if (std::uint64_t{tokens} * k > cursor.left()) {
      cursor.refuse(place, fmt::format("the record ends after {} bytes", cursor.left()),
                    fmt::format("{} experts of each of {} tokens", k, tokens));
    }
    block.begin.resize(tokens + 1);
    for (std::uint32_t t = 0; t <= tokens; ++t) {
      block.begin[t] = t * k;
    }
    if (block.group >= 0) {
      groups_.note_chosen(block.group, k, k);
    }
    return;
  }
  const std::string_view counts =
      cursor.take(std::uint64_t{tokens} * 4, "the number of experts of each token");
  block.begin.push_back(0);
  std::uint64_t sum = 0;
  for (std::uint32_t t = 0; t < tokens; ++t) {
    std::uint32_t chosen = 0;
    std::memcpy(&chosen, counts.data() + std::size_t{t} * 4, sizeof chosen);
    check(chosen, place + std::uint64_t{t} * 4, t);
    sum += chosen;
    if (sum > cursor.left()) {
      cursor.refuse(place + std::uint64_t{t} * 4, fmt::format("token {} has {} experts", t, chosen),
                    fmt::format("as many as the {} bytes behind hold", cursor.left()));
    }
    block.begin.push_back(static_cast<std::uint32_t>(sum));
    if (block.group >= 0) {
      groups_.note_chosen(block.group, chosen, chosen);
    }
  }
}

void Moer::check_order(std::uint64_t place, const ChoiceBlock& block, std::uint32_t tokens) {
  const auto key =
      static_cast<std::uint64_t>(block.group) * kMostRecordedLayers + static_cast<std::uint64_t>(block.layer);
  Last& last = last_[key];
  const auto step = static_cast<std::uint64_t>(block.step);
  if (step < last.step || (step == last.step && block.first_token < last.end)) {
    records_.refuse(place,
                    fmt::format("layer {}: token {} of step {} comes after token {} of step {}", block.layer,
                                block.first_token, step, last.end - 1, last.step),
                    "the tokens of a layer in ascending order");
  }
  last = {.step = step, .end = block.first_token + tokens};
}

template <class Id>
void Moer::read_ids(MoerCursor& cursor, ChoiceBlock& block) {
  const std::size_t count = block.begin.back();
  const std::uint64_t place = cursor.place();
  const std::string_view bytes = cursor.take(count * sizeof(Id), "expert ids");
  block.expert.resize(count);
  Id largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Id id;
    std::memcpy(&id, bytes.data() + i * sizeof(Id), sizeof id);
    block.expert[i] = id;
    largest = std::max(largest, id);
  }
  const std::uint64_t most = groups_.most_experts(block.group);
  const auto refuse_id = [&](std::size_t i, const std::string& what, const std::string& expected) {
    cursor.refuse(place + i * sizeof(Id), what, expected);
  };
  if (largest >= most) {
    const auto bad = static_cast<std::size_t>(
        std::find_if(block.expert.begin(), block.expert.end(),
                     [most](std::int32_t id) { return static_cast<std::uint64_t>(id) >= most; }) -
        block.expert.begin());
    refuse_id(bad, fmt::format("expert {}", block.expert[bad]), fmt::format("0 to {}", most - 1));
  }
  for (std::size_t t = 0; t + 1 < block.begin.size(); ++t) {
    distinct_.next_token();
    for (std::size_t i = block.begin[t]; i < block.begin[t + 1]; ++i) {
      if (!distinct_.add(static_cast<std::uint32_t>(block.expert[i]))) {
        refuse_id(i, fmt::format("token {} of the record has the expert {} twice", t, block.expert[i]),
                  "different experts of a token");
      }
    }
  }
  if (count > 0) {
    groups_.note_expert(block.group, largest);
  }
}

void Moer::read_weights(MoerCursor& cursor, ChoiceBlock& block) const {
  const std::uint64_t place = cursor.place();
  const std::string_view bytes = cursor.take(block.expert.size() * sizeof(float), "weights");
  block.weight.resize(block.expert.size());
  if (!bytes.empty()) {
    std::memcpy(block.weight.data(), bytes.data(), bytes.size());
  }
  const auto bad =
      std::find_if(block.weight.begin(), block.weight.end(), [](float w) { return !std::isfinite(w); });
  if (bad != block.weight.end()) {
    cursor.refuse(place + static_cast<std::uint64_t>(bad - block.weight.begin()) * sizeof(float),
                  fmt::format("the weight is {}", std::isnan(*bad) ? "nan"
                                                  : *bad > 0       ? "inf"
                                                                   : "-inf"),
                  "a finite number");
  }
}

void Moer::read_kept(MoerCursor& cursor, ChoiceBlock& block) {
  const std::size_t count = block.expert.size();
  const std::string_view bytes = cursor.take((count + 7) / 8, "bits of what was kept");
  block.kept.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    block.kept[i] = static_cast<unsigned char>(bytes[i / 8]) >> (i % 8) & 1;
  }
}

void Moer::read_sequences(MoerCursor& cursor, ChoiceBlock& block, std::uint32_t tokens) {
  const std::uint64_t place = cursor.place();
  const auto count = cursor.number<std::uint32_t>("the number of sequences");
  if (count < 1 || count > tokens) {
    cursor.refuse(place, fmt::format("{} sequences", count), fmt::format("1 to {}, one a token", tokens));
  }
  std::uint32_t start = 0;
  std::uint32_t sequence = 0;
  for (std::uint32_t i = 0; i <= count; ++i) {
    const std::uint64_t at = cursor.place();
    const std::uint32_t next = i == count ? tokens : cursor.number<std::uint32_t>("the start of a sequence");
    if ((i == 0) != (next == 0) || next > tokens || (i > 0 && next <= start)) {
      cursor.refuse(at, fmt::format("a sequence starts at token {}", next),
                    i == 0 ? "the first at 0" : fmt::format("{} to {}", start + 1, tokens - 1));
    }
    std::fill(block.sequence.begin() + start, block.sequence.begin() + next, sequence);
    start = next;
    sequence = i == count ? 0 : cursor.number<std::uint32_t>("a sequence");
  }
}

void Moer::read_token_ids(MoerCursor& cursor, ChoiceBlock& block, std::uint32_t tokens) {
  const std::uint64_t place = cursor.place();
  const std::string_view bytes = cursor.take(std::uint64_t{tokens} * 4, "vocabulary ids");
  block.token_id.resize(tokens);
  for (std::size_t t = 0; t < tokens; ++t) {
    std::uint32_t id = 0;
    std::memcpy(&id, bytes.data() + t * 4, sizeof id);
    if (id == kMoerNoTokenId && block.begin[t] != block.begin[t + 1]) {
      cursor.refuse(place + t * 4, fmt::format("token {} of the record has experts and no vocabulary id", t),
                    "ids of all tokens that have experts");
    }
    block.token_id[t] = id == kMoerNoTokenId ? -1 : static_cast<std::int64_t>(id);
  }
}

void Moer::read_texts(MoerCursor& cursor, ChoiceBlock& block, std::uint32_t tokens) const {
  const std::string_view lengths = cursor.take(std::uint64_t{tokens} * 4, "the lengths of the tokens' texts");
  for (std::size_t t = 0; t < tokens; ++t) {
    std::uint32_t length = 0;
    std::memcpy(&length, lengths.data() + t * 4, sizeof length);
    const std::string_view text = cursor.take(length, "a token's text");
    if (wants_text_) {
      block.text.emplace_back(text);
    }
  }
}

bool Moer::read_counts(MoerCursor& cursor, RecordedCounts& counts) {
  counts.group = group_of(cursor);
  counts.layer = layer_of(cursor);
  counts.step = static_cast<Index>(below_2_63(cursor, "the step"));
  const std::uint64_t id_place = cursor.place();
  counts.token_id = cursor.number<std::int64_t>("the vocabulary id");
  if (counts.token_id < -1 || counts.token_id > static_cast<std::int64_t>(kMostTokenId)) {
    cursor.refuse(id_place, fmt::format("vocabulary id {}", counts.token_id),
                  fmt::format("-1 (none) to {}", kMostTokenId));
  }
  const std::uint64_t experts_place = cursor.place();
  const auto experts = cursor.number<std::uint32_t>("the number of experts");
  const auto listed = cursor.number<std::uint32_t>("the number of counts");
  const std::uint64_t most = counts.group < 0 ? kMostRecordedExperts : groups_.most_experts(counts.group);
  if (experts > most) {
    cursor.refuse(experts_place, fmt::format("{} experts", experts), fmt::format("at most {}", most));
  }
  const bool few = (records_.flags() & kMoerFew) != 0;
  if (listed > experts || (!few && listed != experts)) {
    cursor.refuse(experts_place + 4, fmt::format("{} counts", listed),
                  few ? fmt::format("at most {}", experts) : fmt::format("{}, one for each expert", experts));
  }
  const std::uint64_t ids_place = cursor.place();
  const std::string_view ids = cursor.take(few ? std::uint64_t{listed} * 4 : 0, "expert ids");
  const std::uint64_t values_place = cursor.place();
  const std::string_view values = cursor.take(std::uint64_t{listed} * 8, "counts");
  cursor.require_end();
  counts.count.assign(experts, 0);
  std::int64_t before = -1;
  for (std::size_t i = 0; i < listed; ++i) {
    auto id = static_cast<std::uint32_t>(i);
    if (few) {
      std::memcpy(&id, ids.data() + i * 4, sizeof id);
      if (id >= experts || id <= before) {
        cursor.refuse(ids_place + i * 4, fmt::format("expert {}", id),
                      fmt::format("{} to {}, in ascending order", before + 1, std::int64_t{experts} - 1));
      }
      before = id;
    }
    std::uint64_t value = 0;
    std::memcpy(&value, values.data() + i * 8, sizeof value);
    if (value > INT64_MAX) {
      cursor.refuse(values_place + i * 8, fmt::format("a count of {}", value), "below 2^63");
    }
    counts.count[id] = value;
    if (__builtin_add_overflow(totals_.counted, value, &totals_.counted)) {
      cursor.refuse(values_place + i * 8, kSumPasses, kSumFits);
    }
  }
  if (counts.group < 0) {
    return false;
  }
  if (experts > 0) {
    groups_.note_expert(counts.group, std::int64_t{experts} - 1);
  }
  return true;
}

bool tells(const RecordingBytes& bytes) {
  return bytes.start().starts_with(kMoerSignature);
}

}  // namespace

RecordingImporter moer_importer() {
  return {{"moer", "compact binary, as --save-routing FILE.moer and trace convert write it"},
          tells,
          [](std::unique_ptr<RecordingBytes> bytes, const RecordingOptions& options)
              -> std::unique_ptr<Recording> { return std::make_unique<Moer>(std::move(bytes), options); }};
}

}  // namespace moesim
