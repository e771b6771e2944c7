// Recordings that an array holds (.npy, whole numbers): who was chosen, [tokens, layers, k] as vLLM's
// routed_experts and SGLang's per-token ids are, or [tokens, k] of one layer; or how often, [steps, layers,
// experts] as SGLang's logical_count is, or [layers, experts].
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "io/npy.h"
#include "io/recording_error.h"
#include "io/recording_forms.h"

namespace moesim {
namespace {

constexpr std::string_view kSignature = "\x93NUMPY";
constexpr std::uint64_t kMostChoices = 1 << 20;   // held at once, where a token has no more
constexpr std::uint64_t kMostOfAToken = 1 << 22;  // in all layers
constexpr std::uint64_t kUsualChoices = 64;       // more of a token are not assumed
constexpr std::int64_t kUsualExperts = 1024;      // nor are more experts

// Numbers of the array in order.
class Numbers {
 public:
  Numbers(std::unique_ptr<RecordingBytes> bytes, const NpyHeader& header)
      : bytes_(std::move(bytes)), header_(header), item_(element_bytes(header.element)) {
    std::vector<char> head(header.data_offset);
    bytes_->read(head);
  }

  const std::string& name() const { return bytes_->name(); }
  const NpyHeader& header() const { return header_; }
  void read(std::uint64_t count, std::vector<std::int64_t>& out);

  // Of a value refused: "block 3, row 2, column 0 (from 0)".
  std::string place(std::uint64_t number) const {
    const auto cols = static_cast<std::uint64_t>(header_.cols);
    const std::uint64_t row = number / cols;
    if (header_.dimensions < 3) {
      return fmt::format("row {}, column {} (from 0)", row, number % cols);
    }
    const auto rows = static_cast<std::uint64_t>(header_.rows / header_.blocks);
    return fmt::format("[{}, {}, {}] (from 0)", row / rows, row % rows, number % cols);
  }
  [[noreturn]] void refuse(std::uint64_t number, const std::string& what, const std::string& expected,
                           const std::string& help = {}) const {
    refuse_recording(
        name(), {.what = fmt::format("{}: {}", place(number), what), .expected = expected, .help = help});
  }

 private:
  std::unique_ptr<RecordingBytes> bytes_;
  NpyHeader header_;
  std::uint64_t item_;
  std::vector<char> raw_;
};

template <class T>
void widen(std::string_view raw, std::span<std::int64_t> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, raw.data() + i * sizeof value, sizeof value);
    out[i] = static_cast<std::int64_t>(+value);  // a uint64 from 2^63 on comes out negative and is refused
  }
}

void widen(NpyElement element, std::string_view raw, std::span<std::int64_t> out) {
  switch (element) {
    case NpyElement::int8:
      return widen<std::int8_t>(raw, out);
    case NpyElement::int16:
      return widen<std::int16_t>(raw, out);
    case NpyElement::int32:
      return widen<std::int32_t>(raw, out);
    case NpyElement::int64:
      return widen<std::int64_t>(raw, out);
    case NpyElement::uint8:
      return widen<std::uint8_t>(raw, out);
    case NpyElement::uint16:
      return widen<std::uint16_t>(raw, out);
    case NpyElement::uint32:
      return widen<std::uint32_t>(raw, out);
    case NpyElement::uint64:
      return widen<std::uint64_t>(raw, out);
    case NpyElement::float32:
    case NpyElement::float64:
      return;
  }
}

void Numbers::read(std::uint64_t count, std::vector<std::int64_t>& out) {
  raw_.resize(count * item_);
  if (bytes_->read(raw_) != raw_.size()) {
    refuse_recording(name(), {.what = "the file ends", .expected = "the numbers that its header promises"});
  }
  out.resize(count);
  widen(header_.element, {raw_.data(), raw_.size()}, out);
}

enum class Meaning { choices, counts, unsure };

// What the rows at the start of an array look like. A choice never stands twice in a row; the counts of all
// layers of a step have one sum, as all layers see the same tokens.
struct Rows {
  std::uint64_t rows = 0;
  std::uint64_t with_twice = 0;  // a number stands twice; rows of zeros aside
  std::uint64_t of_zeros = 0;    // alone
  std::uint64_t of_all = 0;      // every number from 0 to k - 1 once
  std::uint64_t compared = 0;    // with the row before, in the same step
  std::uint64_t same_sum = 0;
  std::int64_t largest = 0;
};

Rows look_at_rows(std::string_view data, const NpyHeader& header) {
  const std::uint64_t item = element_bytes(header.element);
  const auto cols = static_cast<std::uint64_t>(header.cols);
  const auto layers = static_cast<std::uint64_t>(header.rows / std::max<Index>(header.blocks, 1));
  const std::uint64_t rows =
      std::min<std::uint64_t>(static_cast<std::uint64_t>(header.rows), data.size() / item / cols);
  Rows seen;
  std::vector<std::int64_t> row(cols);
  std::uint64_t before = 0;
  for (std::uint64_t r = 0; r < rows; ++r) {
    widen(header.element, data.substr(r * cols * item, cols * item), row);
    std::uint64_t sum = 0;
    for (const std::int64_t value : row) {
      sum += static_cast<std::uint64_t>(value);  // wraps where the numbers are no counts
      seen.largest = std::max(seen.largest, value);
    }
    ++seen.rows;
    if (r % layers != 0) {
      ++seen.compared;
      seen.same_sum += sum == before ? 1 : 0;
    }
    before = sum;
    if (std::any_of(row.begin(), row.end(), [](std::int64_t v) { return v != 0; })) {
      std::sort(row.begin(), row.end());
      seen.with_twice += std::adjacent_find(row.begin(), row.end()) != row.end() ? 1 : 0;
      std::int64_t number = 0;
      seen.of_all +=
          std::all_of(row.begin(), row.end(), [&](std::int64_t v) { return v == number++; }) ? 1 : 0;
    } else {
      ++seen.of_zeros;
    }
  }
  return seen;
}

Meaning meaning_of(std::string_view data, const NpyHeader& header) {
  constexpr std::uint64_t kEnough = 4;
  constexpr std::uint64_t kEnoughRows = 16;
  if (header.cols == 1) {
    return Meaning::choices;  // one expert is no choice
  }
  const Rows seen = look_at_rows(data, header);
  const auto cols = static_cast<std::uint64_t>(header.cols);
  if (seen.of_all > 0 && seen.of_all + seen.of_zeros == seen.rows) {
    return Meaning::unsure;  // choices of all experts in order of score have one sum too
  }
  const bool one_sum = seen.compared >= kEnough && seen.same_sum == seen.compared;
  if (cols > kUsualChoices || seen.largest >= kUsualExperts || one_sum ||
      2 * seen.with_twice >= std::max<std::uint64_t>(seen.rows, 1)) {
    return Meaning::counts;
  }
  // Ids come again and again, counts hardly.
  const bool repeated = seen.rows * cols >= 2 * static_cast<std::uint64_t>(seen.largest + 1);
  const bool sums_differ = seen.compared == 0 ? seen.rows >= kEnoughRows : seen.same_sum < seen.compared;
  return seen.with_twice == 0 && repeated && sums_differ ? Meaning::choices : Meaning::unsure;
}

NpyHeader header_of(const RecordingBytes& bytes) {
  if (bytes.packed()) {
    refuse_recording(bytes.name(), {.what = "the .npy file is packed",
                                    .expected = "it unpacked: its length is part of its form",
                                    .short_name = "npy-unsupported",
                                    .help = "gunzip FILE.npy.gz or zstd -d FILE.npy.zst"});
  }
  return parse_npy_header(bytes.start(), bytes.file_bytes(), bytes.path(), NpyAccepts::recordings);
}

Meaning meaning_of(const RecordingBytes& bytes) {
  const NpyHeader header = header_of(bytes);
  return header.rows == 0 ? Meaning::unsure : meaning_of(bytes.start().substr(header.data_offset), header);
}

bool is_npy(const RecordingBytes& bytes) {
  return bytes.start().starts_with(kSignature);
}

class ChoicesNpy final : public ChoiceRecording {
 public:
  ChoicesNpy(Numbers numbers, const RecordingOptions& options)
      : ChoiceRecording("choices-npy", numbers.name()),
        numbers_(std::move(numbers)),
        groups_(numbers_.name(), {}, options) {
    const NpyHeader& h = numbers_.header();
    tokens_ = static_cast<std::uint64_t>(h.dimensions == 3 ? h.blocks : h.rows);
    layers_ = static_cast<std::uint64_t>(h.dimensions == 3 ? h.rows / std::max<Index>(h.blocks, 1) : 1);
    k_ = static_cast<std::uint64_t>(h.cols);
    if (layers_ > kMostRecordedLayers || k_ > kMostRecordedExperts || layers_ * k_ > kMostOfAToken) {
      refuse_recording(numbers_.name(),
                       {.what = fmt::format("{} experts of each token in {} layers", k_, layers_),
                        .expected = fmt::format("at most {} layers, and {} choices of a token",
                                                kMostRecordedLayers, kMostOfAToken)});
    }
    info_.columns = groups_.columns();
    group_ = groups_.only(info_);
    dense_.resize(layers_, Seen::nothing);
  }

  bool next(ChoiceBlock& block) override {
    while (true) {
      if (layer_ == held_layers_ && !hold_more()) {
        finish();
        return false;
      }
      if (take_layer(layer_++, block)) {
        groups_.publish(info_);
        return true;
      }
    }
  }

 private:
  enum class Seen : std::uint8_t { nothing, zeros, choices };

  bool hold_more() {
    if (token_ == tokens_) {
      return false;
    }
    first_ = token_;
    held_ = std::min(tokens_ - token_, std::max<std::uint64_t>(1, kMostChoices / (layers_ * k_)));
    numbers_.read(held_ * layers_ * k_, values_);
    token_ += held_;
    layer_ = 0;
    held_layers_ = layers_;
    return true;
  }

  // False where the layer has no experts: vLLM leaves zeros for dense layers.
  bool take_layer(std::uint64_t layer, ChoiceBlock& block) {
    clear_block(block);
    block.group = group_;
    block.layer = static_cast<Index>(layer);
    block.first_token = first_;
    block.begin.push_back(0);
    bool zeros = k_ > 1;
    for (std::uint64_t t = 0; t < held_; ++t) {
      const std::int64_t* row = values_.data() + (t * layers_ + layer) * k_;
      zeros = zeros && std::all_of(row, row + k_, [](std::int64_t v) { return v == 0; });
    }
    Seen& seen = dense_[layer];
    const Seen now = zeros ? Seen::zeros : Seen::choices;
    if (seen != Seen::nothing && seen != now) {
      numbers_.refuse(((first_ * layers_) + layer) * k_,
                      zeros ? "zeros alone from here on" : "zeros alone up to here",
                      "choices of all tokens of a layer, or zeros for a layer without experts");
    }
    seen = now;
    if (zeros) {
      return false;
    }
    for (std::uint64_t t = 0; t < held_; ++t) {
      take_token((t * layers_ + layer) * k_, block);
    }
    block.sequence.assign(held_, 0);
    return true;
  }

  void take_token(std::uint64_t at, ChoiceBlock& block) {
    distinct_.next_token();
    for (std::uint64_t i = 0; i < k_; ++i) {
      const std::int64_t id = values_[at + i];
      const std::uint64_t number = first_ * layers_ * k_ + at + i;
      if (id < 0 || id >= static_cast<std::int64_t>(kMostRecordedExperts)) {
        numbers_.refuse(number, fmt::format("expert {}", id),
                        fmt::format("0 to {}", kMostRecordedExperts - 1),
                        id == -1 ? "-1 marks tokens that were only filled in; leave them out: a = a[(a >= "
                                   "0).all(axis=-1).all(axis=-1)]"
                                 : "");
      }
      if (!distinct_.add(static_cast<std::uint32_t>(id))) {
        numbers_.refuse(number, fmt::format("the expert {} stands twice", id),
                        "different experts of a token");
      }
      block.expert.push_back(static_cast<std::int32_t>(id));
      groups_.note_expert(group_, id);
    }
    block.begin.push_back(static_cast<std::uint32_t>(block.expert.size()));
    groups_.note_chosen(group_, static_cast<Index>(k_), static_cast<Index>(k_));
  }

  void finish() {
    const auto dense = std::count(dense_.begin(), dense_.end(), Seen::zeros);
    if (dense > 0 && !finished_) {
      info_.notes.push_back(
          fmt::format("{} layers hold zeros alone and are left out: they have no experts", dense));
    }
    finished_ = true;
    groups_.finish(info_);
  }

  Numbers numbers_;
  RecordingGroups groups_;
  Index group_ = 0;
  std::uint64_t tokens_ = 0;
  std::uint64_t layers_ = 0;
  std::uint64_t k_ = 0;
  std::vector<std::int64_t> values_;  // of the tokens held, [held, layers, k]
  std::uint64_t token_ = 0;           // behind those held
  std::uint64_t first_ = 0;
  std::uint64_t held_ = 0;
  std::uint64_t layer_ = 0;  // to be given next
  std::uint64_t held_layers_ = 0;
  std::vector<Seen> dense_;  // by layer
  bool finished_ = false;
  DistinctExperts distinct_;
};

class CountsNpy final : public CountsRecording {
 public:
  CountsNpy(Numbers numbers, const RecordingOptions& options)
      : CountsRecording("counts-npy", numbers.name()),
        numbers_(std::move(numbers)),
        groups_(numbers_.name(), {"num_experts"}, options) {
    const NpyHeader& h = numbers_.header();
    layers_ = h.dimensions == 3 ? h.rows / std::max<Index>(h.blocks, 1) : h.rows;
    if (h.dimensions < 2 || layers_ > static_cast<Index>(kMostRecordedLayers) ||
        h.cols > static_cast<Index>(kMostRecordedExperts)) {
      refuse_recording(
          numbers_.name(),
          {.what = fmt::format("{} layers of {} experts", layers_, h.cols),
           .expected = fmt::format("[layers, experts] or [steps, layers, experts], at most {} layers "
                                   "and {} experts",
                                   kMostRecordedLayers, kMostRecordedExperts)});
    }
    info_.columns = groups_.columns();
    info_.parts.steps = h.dimensions == 3;
    const std::string experts = std::to_string(h.cols);
    const std::string_view value = experts;
    group_ = groups_.find({&value, 1}, [] { return std::string(); });
  }

  bool next(RecordedCounts& counts) override {
    const NpyHeader& h = numbers_.header();
    if (row_ == h.rows || group_ < 0) {
      groups_.finish(info_);
      return false;
    }
    numbers_.read(static_cast<std::uint64_t>(h.cols), values_);
    counts.group = group_;
    counts.step = row_ / layers_;
    counts.layer = row_ % layers_;
    counts.token_id = -1;
    counts.count.resize(values_.size());
    for (std::size_t e = 0; e < values_.size(); ++e) {
      if (values_[e] < 0) {
        numbers_.refuse(static_cast<std::uint64_t>(row_ * h.cols) + e,
                        fmt::format("a count of {}", values_[e]), "0 to 9223372036854775807");
      }
      counts.count[e] = static_cast<std::uint64_t>(values_[e]);
      if (__builtin_add_overflow(total_, counts.count[e], &total_)) {
        numbers_.refuse(static_cast<std::uint64_t>(row_ * h.cols) + e, kSumPasses, kSumFits);
      }
    }
    ++row_;
    groups_.publish(info_);
    return true;
  }

 private:
  Numbers numbers_;
  RecordingGroups groups_;
  Index group_ = 0;
  Index layers_ = 0;
  Index row_ = 0;
  std::uint64_t total_ = 0;
  std::vector<std::int64_t> values_;
};

template <class Form>
std::unique_ptr<Recording> open(std::unique_ptr<RecordingBytes> bytes, const RecordingOptions& options) {
  const NpyHeader header = header_of(*bytes);
  if (header.rows == 0) {
    refuse_recording(bytes->name(),
                     {.what = "the array is empty", .expected = "at least one token or layer"});
  }
  if (options.form.empty() && meaning_of(*bytes) == Meaning::unsure) {
    refuse_recording(
        bytes->name(),
        {.what = "the numbers may be choices [tokens, layers, k] or counts [steps, layers, experts]",
         .expected = "--form choices-npy or --form counts-npy",
         .short_name = "recording-form",
         .help = "choices of a token differ, which would be an error with --form choices-npy; counts of all "
                 "layers of a step have one sum"});
  }
  return std::make_unique<Form>(Numbers(std::move(bytes), header), options);
}

}  // namespace

RecordingImporter choices_npy_importer() {
  return {{"choices-npy",
           ".npy of whole numbers [tokens, layers, k]: ids (vLLM routed_experts, SGLang per token)"},
          [](const RecordingBytes& bytes) { return is_npy(bytes) && meaning_of(bytes) != Meaning::counts; },
          open<ChoicesNpy>};
}

RecordingImporter counts_npy_importer() {
  return {{"counts-npy",
           ".npy of whole numbers [steps, layers, experts] or [layers, experts] (SGLang logical_count)"},
          [](const RecordingBytes& bytes) { return is_npy(bytes) && meaning_of(bytes) == Meaning::counts; },
          open<CountsNpy>};
}

}  // namespace moesim
