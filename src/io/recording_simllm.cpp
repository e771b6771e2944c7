// SimLLM's pre-play traces as JSON Lines (openfabric-systems/simllm, schema simllm-preplay-trace-v1): a
// header with provenance, a row for each request, a row for each token with its routing in all layers, a
// footer with counts. Groups are the phases, prefill and decode; a sequence is a request.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/text.h"
#include "io/recording_error.h"
#include "io/recording_forms.h"
#include "io/recording_json.inl"

namespace moesim {
namespace {

constexpr std::size_t kMostChoices = 1 << 18;  // held at once
constexpr const char* kSchema = "simllm-preplay-trace-v1";

class SimLlm final : public ChoiceRecording {
 public:
  SimLlm(std::unique_ptr<RecordingBytes> bytes, const RecordingOptions& options)
      : ChoiceRecording("simllm-jsonl", bytes->name()),
        lines_(std::move(bytes)),
        header_(read_header()),
        groups_(lines_.bytes().name(), {"model", "num_experts", "top_k", "phase"}, options) {
    info_.columns = groups_.columns();
    info_.parts = {.weights = true, .sequences = true, .token_ids = true};
    info_.source += header_.source;
  }

  bool next(ChoiceBlock& block) override {
    if (given_ == blocks_.size()) {
      gather();
    }
    if (blocks_.empty()) {
      groups_.finish(info_);
      return false;
    }
    groups_.publish(info_);
    std::swap(block, blocks_[given_++]);
    return true;
  }

 private:
  struct Header {
    std::string model, experts, top_k, source;
    std::vector<Index> layers;
  };
  struct Request {
    std::uint32_t sequence = 0;
    std::uint64_t tokens = 0;
  };

  [[noreturn]] void refuse(const std::string& what, const std::string& expected) const {
    refuse_recording(lines_.where(), {.what = what, .expected = expected});
  }
  struct Where {
    const RecordingLines& lines;
    std::string operator()() const { return lines.where(); }
  };

  JsonValue value_of(const simdjson::dom::object& object, std::string_view key) const {
    JsonElement element;
    if (object[key].get(element) != simdjson::SUCCESS) {
      refuse(fmt::format("there is no key {}", quoted_word(key)), "a row with it");
    }
    return {key, element};
  }
  std::string text_of(const simdjson::dom::object& object, std::string_view key) const {
    return std::string(json_text(value_of(object, key), where_));
  }
  std::uint64_t whole_of(const simdjson::dom::object& object, std::string_view key,
                         std::uint64_t most) const {
    return json_whole(value_of(object, key), most, where_);
  }
  simdjson::dom::array list_of(const JsonValue& value) const {
    simdjson::dom::array list;
    if (value.element.get_array().get(list) != simdjson::SUCCESS) {
      refuse_value(lines_.where(), value, "a list");
    }
    return list;
  }

  bool read_row(simdjson::dom::object& row, std::string& type) {
    std::string_view line;
    if (!lines_.next(line)) {
      return false;
    }
    row = json_.object(line, where_);
    type = text_of(row, "row_type");
    return true;
  }

  Header read_header() {
    simdjson::dom::object row;
    std::string type;
    if (!read_row(row, type) || type != "header") {
      refuse(fmt::format("the first row is {}", quoted_word(type)), "a header row");
    }
    if (const std::string schema = text_of(row, "schema"); schema != kSchema) {
      refuse(fmt::format("the schema is {}", quoted_word(schema)), kSchema);
    }
    const JsonValue provenance = value_of(row, "provenance");
    simdjson::dom::object p;
    if (provenance.element.get_object().get(p) != simdjson::SUCCESS) {
      refuse_value(lines_.where(), provenance, "an object");
    }
    Header header;
    header.model = text_of(p, "model_id");
    header.experts = std::to_string(whole_of(p, "expert_count", kMostRecordedExperts));
    header.top_k = std::to_string(whole_of(p, "top_k", kMostRecordedExperts));
    header.source = fmt::format(" ({}", display_safe(header.model));
    JsonElement revision;
    if (p["model_revision"].get(revision) == simdjson::SUCCESS && revision.is_string()) {
      header.source += " @ " + display_safe(std::string_view(revision));
    }
    header.source += ")";
    for (const JsonElement layer : list_of(value_of(p, "moe_layer_indices"))) {
      header.layers.push_back(
          static_cast<Index>(json_whole({"moe_layer_indices", layer}, kMostRecordedLayers - 1, where_)));
      if (std::count(header.layers.begin(), header.layers.end(), header.layers.back()) > 1) {
        refuse(fmt::format("layer {} stands twice", header.layers.back()), "each layer once");
      }
    }
    return header;
  }

  // Tokens that follow each other in one group: a block for each layer.
  void gather() {
    blocks_.clear();
    given_ = 0;
    group_ = -1;
    std::size_t choices = 0;
    while (choices < kMostChoices && (pending_ || next_token())) {
      if (group_ >= 0 && token_group_ != group_) {
        return;  // for the next blocks
      }
      choices += add_token();
    }
  }

  // Reads up to the next token that --where leaves; false at the end.
  bool next_token() {
    std::string type;
    while (read_row(row_, type)) {
      if (ended_) {
        refuse(fmt::format("a row of {} behind the footer", quoted_word(type)), "the end of the file");
      }
      if (type == "request") {
        read_request();
      } else if (type == "footer") {
        read_footer();
      } else if (type != "forward-token") {
        refuse(fmt::format("a row of {}", quoted_word(type)), "header, request, forward-token or footer");
      } else if (read_token()) {
        return pending_ = true;
      }
    }
    if (!ended_) {
      refuse_recording(lines_.bytes().name(),
                       {.what = "the file ends without a footer", .expected = "a row of 'footer'"});
    }
    return false;
  }

  void read_request() {
    const std::string id = text_of(row_, "request_id");
    const auto sequence = static_cast<std::uint32_t>(requests_.size());
    if (!requests_.emplace(id, Request{.sequence = sequence, .tokens = 0}).second) {
      refuse(fmt::format("the request {} stands twice", quoted_word(id)), "each request once");
    }
  }

  bool read_token() {
    const std::string phase = text_of(row_, "phase");
    const std::string id = text_of(row_, "request_id");
    const auto request = requests_.find(id);
    if (request == requests_.end()) {
      refuse(fmt::format("the request {} has no row", quoted_word(id)), "its row before its tokens");
    }
    request_ = &request->second;
    const std::uint64_t index = whole_of(row_, "token_index", INT64_MAX);
    if (index != request_->tokens) {
      refuse(fmt::format("token_index is {}", index),
             fmt::format("{}, the next of its request", request_->tokens));
    }
    ++request_->tokens;
    ++tokens_[phase];
    const std::string_view values[] = {header_.model, header_.experts, header_.top_k, phase};
    token_group_ = groups_.find(values, where_);
    return token_group_ >= 0;
  }

  void read_footer() {
    ended_ = true;
    const auto check = [&](const char* key, std::uint64_t found) {
      const std::uint64_t told = whole_of(row_, key, INT64_MAX);
      if (told != found) {
        refuse(fmt::format("{} is {}", key, told), fmt::format("{}, as there are", found));
      }
    };
    check("prefill_forward_token_count", tokens_["prefill"]);
    check("decode_forward_token_count", tokens_["decode"]);
    check("request_count", requests_.size());
  }

  std::size_t add_token() {
    pending_ = false;
    if (group_ < 0) {
      begin_blocks();
    }
    const auto token_id = static_cast<std::int64_t>(whole_of(row_, "token_id", kMostTokenId));
    std::size_t at = 0;
    for (const JsonElement element : list_of(value_of(row_, "routing"))) {
      simdjson::dom::object routing;
      if (element.get_object().get(routing) != simdjson::SUCCESS) {
        refuse_value(lines_.where(), {"routing", element}, "objects");
      }
      const auto layer = static_cast<Index>(whole_of(routing, "layer_index", kMostRecordedLayers - 1));
      if (at == blocks_.size() || layer != blocks_[at].layer) {
        refuse(fmt::format("layer_index is {}", layer), at == blocks_.size()
                                                            ? "no more layers than the header has"
                                                            : std::to_string(blocks_[at].layer));
      }
      add_choices(routing, blocks_[at]);
      blocks_[at].sequence.push_back(request_->sequence);
      blocks_[at].token_id.push_back(token_id);
      ++at;
    }
    if (at != blocks_.size()) {
      refuse(fmt::format("the routing of {} layers", at),
             fmt::format("of {}, as the header has", blocks_.size()));
    }
    ++places_[static_cast<std::size_t>(group_)];
    return at * static_cast<std::size_t>(std::max<Index>(1, groups_.group(group_).top_k));
  }

  void begin_blocks() {
    group_ = token_group_;
    places_.resize(static_cast<std::size_t>(groups_.count()));
    for (const Index layer : header_.layers) {
      ChoiceBlock block;
      block.group = group_;
      block.layer = layer;
      block.first_token = places_[static_cast<std::size_t>(group_)];
      block.begin.push_back(0);
      blocks_.push_back(std::move(block));
    }
  }

  void add_choices(const simdjson::dom::object& routing, ChoiceBlock& block) {
    const std::uint64_t most = groups_.most_experts(group_);
    const auto top_k = static_cast<std::size_t>(groups_.group(group_).top_k);
    distinct_.next_token();
    std::size_t chosen = 0;
    for (const JsonElement id : list_of(value_of(routing, "expert_ids"))) {
      const auto expert = static_cast<std::uint32_t>(json_whole({"expert_ids", id}, most - 1, where_));
      if (!distinct_.add(expert)) {
        refuse(fmt::format("layer {}: the expert {} stands twice", block.layer, expert),
               "different experts of a token");
      }
      block.expert.push_back(static_cast<std::int32_t>(expert));
      groups_.note_expert(group_, expert);
      ++chosen;
    }
    std::size_t weights = 0;
    for (const JsonElement weight : list_of(value_of(routing, "gate_weights"))) {
      block.weight.push_back(json_number({"gate_weights", weight}, where_));
      ++weights;
    }
    if (chosen != weights || (top_k > 0 && chosen != top_k)) {
      refuse(fmt::format("layer {}: {} experts and {} weights", block.layer, chosen, weights),
             top_k > 0 ? fmt::format("{} of each, the top_k of the header", top_k)
                       : "as many weights as experts");
    }
    const auto k = static_cast<Index>(chosen);
    groups_.note_chosen(group_, k, k);
    block.begin.push_back(static_cast<std::uint32_t>(block.expert.size()));
  }

  RecordingLines lines_;
  Where where_{lines_};
  RecordingJson json_;
  Header header_;
  RecordingGroups groups_;
  simdjson::dom::object row_;  // of the token read last
  std::map<std::string, Request> requests_;
  std::map<std::string, std::uint64_t> tokens_;  // by phase
  std::vector<std::uint64_t> places_;            // tokens given of each group
  Request* request_ = nullptr;
  Index token_group_ = -1;
  bool pending_ = false;
  bool ended_ = false;
  std::vector<ChoiceBlock> blocks_;  // by layer
  std::size_t given_ = 0;
  Index group_ = -1;  // of the blocks
  DistinctExperts distinct_;
};

bool tells(const RecordingBytes& bytes) {
  const std::vector<std::string> keys = first_keys(bytes.start());
  const auto has = [&](const char* key) { return std::find(keys.begin(), keys.end(), key) != keys.end(); };
  return has("row_type") && has("provenance");
}

}  // namespace

RecordingImporter simllm_jsonl_importer() {
  return {{"simllm-jsonl",
           "JSON Lines that begin with a row of provenance (SimLLM pre-play traces, as of Granite)"},
          tells,
          [](std::unique_ptr<RecordingBytes> bytes, const RecordingOptions& options)
              -> std::unique_ptr<Recording> { return std::make_unique<SimLlm>(std::move(bytes), options); }};
}

}  // namespace moesim
