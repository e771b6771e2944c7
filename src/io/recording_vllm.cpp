// vLLM's loads of expert-parallel load balancing as JSON: an object with the model's name and numbers of
// experts, and snapshots of step, window_expert_load [layers, physical experts] and physical_to_logical_map
// of the same shape; or one such snapshot alone. Copies of an expert are added up by the snapshot's own map.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "io/recording_error.h"
#include "io/recording_forms.h"

namespace moesim {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{64} << 20;

// [layers][physical experts], one behind the other.
struct Table {
  std::vector<std::uint64_t> values;
  std::vector<std::size_t> begin;  // of each layer in values

  std::size_t layers() const { return begin.size(); }
  std::span<const std::uint64_t> layer(std::size_t i) const {
    const std::size_t end = i + 1 < begin.size() ? begin[i + 1] : values.size();
    return std::span(values).subspan(begin[i], end - begin[i]);
  }
};

struct Snapshot {
  std::uint64_t step = 0;
  Table load;
  Table logical;  // by physical expert
};

struct Document {
  std::string model;
  std::uint64_t num_logical = 0;  // 0: not said
  std::uint64_t window = 0;
  std::vector<Snapshot> snapshots;
};

// What the parser meets, put in its place. All keys of other names are passed over.
class Handler final : public nlohmann::json_sax<nlohmann::json> {
 public:
  Handler(Document& document, const std::string& name) : document_(document), name_(name) {}

  bool null() override { return value("null"); }
  bool boolean(bool) override { return value("true or false"); }
  bool number_integer(number_integer_t number) override {
    return value(number < 0 ? "a negative number" : nullptr, static_cast<std::uint64_t>(number));
  }
  bool number_unsigned(number_unsigned_t number) override { return value(nullptr, number); }
  bool number_float(number_float_t number, const string_t& text) override {
    constexpr double kExact = 9007199254740992.0;
    const bool whole =
        number >= 0 && number <= kExact && number == static_cast<double>(static_cast<std::uint64_t>(number));
    shown_ = quoted_word(text);
    return value(whole ? nullptr : shown_.c_str(), whole ? static_cast<std::uint64_t>(number) : 0);
  }
  bool string(string_t& text) override {
    if (depth_ == 1 && key_ == "model_name") {
      document_.model = text;
      return true;
    }
    shown_ = quoted_word(text);
    return value(shown_.c_str());
  }
  bool binary(binary_t&) override { return value("bytes"); }

  bool start_object(std::size_t) override {
    if (table_ != nullptr) {
      return value("an object");
    }
    ++depth_;
    return true;
  }
  bool key(string_t& text) override {
    key_ = text;
    return true;
  }
  bool end_object() override {
    if (depth_ == snapshot_depth_) {
      document_.snapshots.push_back(std::move(snapshot_));
      snapshot_ = {};
      snapshot_depth_ = 0;
    }
    --depth_;
    key_.clear();
    return true;
  }

  bool start_array(std::size_t) override {
    if (table_ == nullptr && (key_ == "window_expert_load" || key_ == "physical_to_logical_map")) {
      table_ = key_ == "window_expert_load" ? &snapshot_.load : &snapshot_.logical;
      if (table_->layers() > 0) {
        refuse(fmt::format("{} stands twice", key_), "each key once");
      }
      snapshot_depth_ = depth_;
      table_depth_ = 0;
    }
    if (table_ != nullptr) {
      if (++table_depth_ > 2) {
        refuse(fmt::format("{} has more than two dimensions", key_), "[layers, experts]");
      }
      if (table_depth_ == 2) {
        if (table_->layers() == kMostRecordedLayers) {
          refuse(fmt::format("{} has more than {} layers", key_, kMostRecordedLayers), "fewer");
        }
        table_->begin.push_back(table_->values.size());
      }
    }
    return true;
  }
  bool end_array() override {
    if (table_ != nullptr && --table_depth_ == 0) {
      table_ = nullptr;
    }
    return true;
  }

  bool parse_error(std::size_t position, const std::string& token,
                   const nlohmann::json::exception&) override {
    refuse_recording(name_,
                     {.what = fmt::format("byte {}: the JSON breaks at {}", position, quoted_word(token)),
                      .expected = "one JSON object"});
  }

 private:
  [[noreturn]] void refuse(const std::string& what, const std::string& expected) const {
    refuse_recording(name_, {.what = fmt::format("snapshot {}: {}", document_.snapshots.size(), what),
                             .expected = expected});
  }
  // `wrong` says what it is where it is no whole number.
  bool value(const char* wrong, std::uint64_t number = 0) {
    if (table_ != nullptr) {
      if (wrong != nullptr || table_depth_ != 2) {
        refuse(fmt::format("{}, layer {}: {}", key_, table_->layers() == 0 ? 0 : table_->layers() - 1,
                           wrong == nullptr ? "a number among the layers" : wrong),
               "lists of whole numbers from 0");
      }
      if (table_->values.size() - table_->begin.back() == kMostRecordedExperts) {
        refuse(fmt::format("{} has more than {} experts", key_, kMostRecordedExperts), "fewer");
      }
      table_->values.push_back(number);
      return true;
    }
    std::uint64_t* place = key_ == "step"                  ? &snapshot_.step
                           : key_ == "num_logical_experts" ? &document_.num_logical
                           : key_ == "window_size"         ? &document_.window
                                                           : nullptr;
    if (place != nullptr) {
      if (wrong != nullptr || number > INT64_MAX) {
        refuse(fmt::format("{} is {}", key_, wrong == nullptr ? std::to_string(number) : wrong),
               "a whole number from 0");
      }
      *place = number;
    }
    return true;
  }

  Document& document_;
  const std::string& name_;
  std::string key_;
  std::string shown_;
  Snapshot snapshot_;
  int depth_ = 0;           // of objects
  int snapshot_depth_ = 0;  // of the object that has loads
  Table* table_ = nullptr;  // being filled
  int table_depth_ = 0;
};

std::string read_all(RecordingBytes& bytes) {
  std::string text;
  constexpr std::size_t kStep = 1 << 20;
  std::size_t used = 0;
  do {
    text.resize(used + kStep);
    used += bytes.read({text.data() + used, kStep});
    if (used > kMostBytes) {
      refuse_recording(bytes.name(), {.what = fmt::format("the file has more than {} bytes", kMostBytes),
                                      .expected = "fewer snapshots in a file",
                                      .short_name = "file-too-large"});
    }
  } while (used == text.size());
  text.resize(used);
  return text;
}

class VllmWindows final : public CountsRecording {
 public:
  VllmWindows(std::unique_ptr<RecordingBytes> bytes, const RecordingOptions& options)
      : CountsRecording("vllm-windows", bytes->name()),
        name_(bytes->name()),
        document_(parse(*bytes)),
        groups_(name_, columns(), options) {
    info_.columns = groups_.columns();
    info_.parts.steps = true;
    const std::string experts = std::to_string(document_.num_logical);
    const std::string_view values[] = {document_.model, experts};
    const std::span<const std::string_view> all(values);
    group_ = groups_.find(document_.model.empty() ? all.subspan(1) : all, [this] { return name_; });
    add_notes();
  }

  bool next(RecordedCounts& counts) override {
    while (snapshot_ < document_.snapshots.size() && layer_ == document_.snapshots[snapshot_].load.layers()) {
      ++snapshot_;
      layer_ = 0;
    }
    if (snapshot_ == document_.snapshots.size() || group_ < 0) {
      groups_.finish(info_);
      return false;
    }
    add_up(document_.snapshots[snapshot_], counts);
    ++layer_;
    groups_.publish(info_);
    return true;
  }

 private:
  static Document parse(RecordingBytes& bytes) {
    Document document;
    const std::string text = read_all(bytes);
    Handler handler(document, bytes.name());
    nlohmann::json::sax_parse(text, &handler);
    if (document.snapshots.empty()) {
      refuse_recording(bytes.name(),
                       {.what = "there is no window_expert_load", .expected = "snapshots with it"});
    }
    return document;
  }
  std::vector<std::string> columns() const {
    return document_.model.empty() ? std::vector<std::string>{"num_experts"}
                                   : std::vector<std::string>{"model", "num_experts"};
  }

  void add_notes() {
    for (std::size_t i = 1; i < document_.snapshots.size(); ++i) {
      const std::uint64_t before = document_.snapshots[i - 1].step;
      const std::uint64_t step = document_.snapshots[i].step;
      if (step <= before) {
        refuse(i, fmt::format("step {} comes after step {}", step, before), "snapshots in ascending order");
      }
      if (step - before < document_.window) {
        info_.notes.push_back(
            fmt::format("snapshots are {} steps apart and their windows {} steps long: some steps "
                        "are counted in two of them",
                        step - before, document_.window));
        return;
      }
    }
  }
  [[noreturn]] void refuse(std::size_t snapshot, const std::string& what, const std::string& expected) const {
    refuse_recording(name_, {.what = fmt::format("snapshot {}: {}", snapshot, what), .expected = expected});
  }

  void add_up(const Snapshot& snapshot, RecordedCounts& counts) {
    const std::span<const std::uint64_t> load = snapshot.load.layer(layer_);
    const bool mapped = snapshot.logical.layers() > 0;
    if (mapped && (snapshot.logical.layers() != snapshot.load.layers() ||
                   snapshot.logical.layer(layer_).size() != load.size())) {
      refuse(
          snapshot_,
          fmt::format("layer {}: the map has another shape than the load of {} experts", layer_, load.size()),
          "one logical expert for each physical one");
    }
    if (!mapped && document_.num_logical != 0 && load.size() != document_.num_logical) {
      refuse(snapshot_,
             fmt::format("layer {}: {} experts and no physical_to_logical_map", layer_, load.size()),
             fmt::format("a map to the {} logical ones", document_.num_logical));
    }
    counts.group = group_;
    counts.layer = static_cast<Index>(layer_);
    counts.step = static_cast<Index>(snapshot.step);
    counts.token_id = -1;
    counts.count.assign(static_cast<std::size_t>(groups_.group(group_).num_experts), 0);
    const std::uint64_t most = groups_.most_experts(group_);
    for (std::size_t p = 0; p < load.size(); ++p) {
      const std::uint64_t expert = mapped ? snapshot.logical.layer(layer_)[p] : p;
      if (expert >= most) {
        refuse(snapshot_,
               fmt::format("layer {}: physical expert {} is the logical expert {}", layer_, p, expert),
               fmt::format("0 to {}", most - 1));
      }
      counts.count.resize(std::max<std::size_t>(counts.count.size(), expert + 1));
      if (__builtin_add_overflow(total_, load[p], &total_)) {
        refuse(snapshot_, fmt::format("layer {}: {}", layer_, kSumPasses), kSumFits);
      }
      counts.count[expert] += load[p];
      groups_.note_expert(group_, static_cast<std::int64_t>(expert));
    }
  }

  std::string name_;
  Document document_;
  RecordingGroups groups_;
  Index group_ = 0;
  std::size_t snapshot_ = 0;
  std::size_t layer_ = 0;
  std::uint64_t total_ = 0;
};

bool tells(const RecordingBytes& bytes) {
  const std::string_view start = bytes.start();
  const std::size_t first = start.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && start[first] == '{' &&
         (start.find("\"window_expert_load\"") != std::string_view::npos ||
          start.find("\"num_physical_experts\"") != std::string_view::npos);
}

}  // namespace

RecordingImporter vllm_windows_importer() {
  return {{"vllm-windows", "JSON with window_expert_load and physical_to_logical_map (vLLM expert loads)"},
          tells,
          [](std::unique_ptr<RecordingBytes> bytes,
             const RecordingOptions& options) -> std::unique_ptr<Recording> {
            return std::make_unique<VllmWindows>(std::move(bytes), options);
          }};
}

}  // namespace moesim
