// gpt-oss's recorded routing as CSV, token,layer,e0..,p0..: a line for each token and layer, with the experts
// best first and their weights (AmanPriyanshu/GPT-OSS-MoE-ExpertFingerprinting). Tokens follow each other,
// each with the layers of the first one, so that some thousand tokens are put together layer by layer.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "io/recording_error.h"
#include "io/recording_forms.h"
#include "io/recording_lines.h"

namespace moesim {
namespace {

constexpr std::size_t kMostChoices = 1 << 20;  // held at once

// How many columns e0, e1 … stand behind the first two, with as many p0, p1 … behind them; 0: it is no such
// table.
std::size_t choices_of(const std::vector<std::string>& names) {
  const std::size_t k = names.size() < 4 ? 0 : (names.size() - 2) / 2;
  bool good = k > 0 && names.size() == 2 + 2 * k && names[0] == "token" && names[1] == "layer";
  for (std::size_t i = 0; i < k && good; ++i) {
    good = names[2 + i] == fmt::format("e{}", i) && names[2 + k + i] == fmt::format("p{}", i);
  }
  return good ? k : 0;
}

class GptOss final : public ChoiceRecording {
 public:
  GptOss(RecordingTable table, const RecordingOptions& options)
      : ChoiceRecording("gpt-oss-csv", table.bytes().name()),
        table_(std::move(table)),
        k_(choices_of(table_.columns())),
        groups_(table_.bytes().name(), {}, options) {
    info_.columns = groups_.columns();
    info_.parts.weights = true;
    group_ = groups_.only(info_);
    pending_ = table_.next();
  }

  bool next(ChoiceBlock& block) override {
    if (given_ == held_) {
      gather();
    }
    if (held_ == 0) {
      groups_.finish(info_);
      return false;
    }
    groups_.publish(info_);
    std::swap(block, blocks_[given_++]);
    return true;
  }

 private:
  // Tokens that follow each other, as many as are held at once: one block for each layer.
  void gather() {
    given_ = held_ = 0;
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      clear_block(blocks_[i]);
      blocks_[i].group = group_;
      blocks_[i].layer = layers_[i];
      blocks_[i].begin.push_back(0);
    }
    std::size_t choices = 0;
    while (pending_) {
      const std::uint64_t token = table_.whole(0, INT64_MAX);
      if (held_ > 0 && token != last_ + 1 && token > last_) {
        break;  // not a neighbour
      }
      if (choices >= kMostChoices) {
        break;
      }
      if (started_ && token <= last_) {
        table_.refuse(fmt::format("token {} comes after token {}", token, last_),
                      "tokens in ascending order, the layers of one next to each other");
      }
      read_token(token);
      choices += layers_.size() * k_;
    }
  }

  void read_token(std::uint64_t token) {
    const bool first = !started_;
    std::size_t at = 0;
    do {
      const auto layer = static_cast<Index>(table_.whole(1, kMostRecordedLayers - 1));
      if (first) {
        add_layer(layer);
      } else if (at == layers_.size() || layer != layers_[at]) {
        table_.refuse(fmt::format("token {}: layer {}", token, layer),
                      at == layers_.size() ? "no more layers than the first token has"
                                           : fmt::format("layer {}, as of the first token", layers_[at]));
      }
      read_choices(blocks_[at], token);
      ++at;
      pending_ = table_.next();
    } while (pending_ && table_.whole(0, INT64_MAX) == token);
    if (at != layers_.size()) {
      const std::string where = pending_ ? table_.where() : table_.bytes().name();
      refuse_recording(where, {.what = fmt::format("token {} ends after {} layers", token, at),
                               .expected = fmt::format("{}, as of the first token", layers_.size())});
    }
    started_ = true;
    last_ = token;
    held_ = blocks_.size();
  }

  void add_layer(Index layer) {
    if (std::find(layers_.begin(), layers_.end(), layer) != layers_.end()) {
      table_.refuse(fmt::format("layer {} stands twice", layer), "each layer of a token once");
    }
    layers_.push_back(layer);
    ChoiceBlock block;
    block.group = group_;
    block.layer = layer;
    block.begin.push_back(0);
    blocks_.push_back(std::move(block));
  }

  void read_choices(ChoiceBlock& block, std::uint64_t token) {
    if (block.begin.size() == 1) {
      block.first_token = token;
    }
    distinct_.next_token();
    for (std::size_t i = 0; i < k_; ++i) {
      const auto expert =
          static_cast<std::uint32_t>(table_.whole(static_cast<int>(2 + i), kMostRecordedExperts - 1));
      if (!distinct_.add(expert)) {
        table_.refuse(fmt::format("the expert {} stands twice", expert), "different experts of a token");
      }
      groups_.note_expert(group_, expert);
      block.expert.push_back(static_cast<std::int32_t>(expert));
      block.weight.push_back(table_.number(static_cast<int>(2 + k_ + i)));
    }
    const auto k = static_cast<Index>(k_);
    groups_.note_chosen(group_, k, k);
    block.begin.push_back(static_cast<std::uint32_t>(block.expert.size()));
    block.sequence.push_back(0);
  }

  RecordingTable table_;
  std::size_t k_;
  RecordingGroups groups_;
  Index group_ = 0;
  std::vector<Index> layers_;
  std::vector<ChoiceBlock> blocks_;  // by place in layers_
  std::size_t held_ = 0;
  std::size_t given_ = 0;
  bool pending_ = false;  // the table stands on a row that is not used yet
  bool started_ = false;
  std::uint64_t last_ = 0;
  DistinctExperts distinct_;
};

bool tells(const RecordingBytes& bytes) {
  return choices_of(column_names(bytes.start())) > 0;
}

std::unique_ptr<Recording> open(std::unique_ptr<RecordingBytes> bytes, const RecordingOptions& options) {
  RecordingTable table(std::move(bytes));
  if (choices_of(table.columns()) == 0) {
    table.refuse("the columns are others", "token,layer,e0,…,p0,…");
  }
  return std::make_unique<GptOss>(std::move(table), options);
}

}  // namespace

RecordingImporter gpt_oss_csv_importer() {
  return {
      {"gpt-oss-csv", "CSV with token,layer,e0..,p0..: a line for each token and layer (gpt-oss recordings)"},
      tells,
      open};
}

}  // namespace moesim
