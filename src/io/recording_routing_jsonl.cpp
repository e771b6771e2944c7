// Recorded routing per token as JSON Lines (docs/formats.md): an object for each choice, with the names that
// the CSV form has as columns. The keys of the first line are those of all.
#include <algorithm>
#include <bit>
#include <iterator>

#include "io/recording_error.h"
#include "io/recording_json.inl"
#include "io/recording_routing.h"

namespace moesim {
namespace {

constexpr std::size_t kMostKeys = 63;

// In the order of kRoutingColumns.
enum Key : std::uint8_t { step, layer, token, text, expert, weight, kept, sequence, token_id, of_group };

Key key_of(std::string_view name) {
  const auto found = std::find(std::begin(kRoutingColumns), std::end(kRoutingColumns), name);
  return static_cast<Key>(found - std::begin(kRoutingColumns));
}

std::vector<std::string> group_keys(const std::vector<std::string>& keys) {
  std::vector<std::string> names;
  std::copy_if(keys.begin(), keys.end(), std::back_inserter(names),
               [](const std::string& name) { return key_of(name) == of_group; });
  return names;
}

bool has(const std::vector<std::string>& keys, std::string_view name) {
  return std::find(keys.begin(), keys.end(), name) != keys.end();
}

struct KeyOfLine {
  std::string name;
  Key key = of_group;
  std::size_t value = 0;  // of a group's: which
};

class RoutingJsonl final : public RoutingRecording {
 public:
  RoutingJsonl(std::unique_ptr<RecordingBytes> bytes, const std::vector<std::string>& keys,
               const RecordingOptions& options)
      : RoutingRecording("routing-jsonl", *bytes, group_keys(keys), options), lines_(std::move(bytes)) {
    for (const std::string& name : keys) {
      const Key key = key_of(name);
      keys_.push_back({name, key, labels_.size()});
      labels_.resize(labels_.size() + (key == of_group ? 1 : 0));
    }
    views_.resize(labels_.size());
    info_.parts = {.steps = has(keys, "step"),
                   .weights = has(keys, "weight"),
                   .kept = has(keys, "kept"),
                   .text = has(keys, "text"),
                   .sequences = has(keys, "sequence"),
                   .token_ids = has(keys, "token_id")};
  }

 private:
  [[noreturn]] void refuse(const std::string& what, const std::string& expected) const {
    refuse_recording(lines_.where(), {.what = what, .expected = expected});
  }

  bool read_line(RoutingLine& line) override {
    do {
      std::string_view text;
      if (!lines_.next(text)) {
        return false;
      }
      read_object(text, line);
      std::copy(labels_.begin(), labels_.end(), views_.begin());
      line.group = groups_.find(views_, where_);
    } while (line.group < 0);
    if (line.expert >= groups_.most_experts(line.group)) {
      refuse("'expert' is '" + std::to_string(line.expert) + "'",
             "a whole number from 0 to " + std::to_string(groups_.most_experts(line.group) - 1));
    }
    return true;
  }
  std::uint64_t number() const override { return lines_.number(); }

  void read_object(std::string_view text, RoutingLine& line) {
    std::size_t read = 0;
    std::uint64_t seen = 0;
    for (const auto& field : json_.object(text, where_)) {
      // Most writers keep one order.
      const std::size_t at =
          read < keys_.size() && keys_[read].name == field.key ? read : place_of(field.key);
      if ((seen >> at & 1) != 0) {
        refuse("the key " + quoted_word(field.key) + " stands twice", "each key once");
      }
      seen |= std::uint64_t{1} << at;
      read_value(keys_[at], {field.key, field.value}, line);
      ++read;
    }
    if (read != keys_.size()) {
      refuse("there is no key " + quoted_word(keys_[static_cast<std::size_t>(std::countr_one(seen))].name),
             "the keys of the first line");
    }
  }
  std::size_t place_of(std::string_view name) const {
    const auto found =
        std::find_if(keys_.begin(), keys_.end(), [&](const KeyOfLine& key) { return key.name == name; });
    if (found == keys_.end()) {
      refuse("the first line has no key " + quoted_word(name), "the keys of the first line");
    }
    return static_cast<std::size_t>(found - keys_.begin());
  }

  void read_value(const KeyOfLine& key, const JsonValue& value, RoutingLine& line) {
    switch (key.key) {
      case step:
        line.step = static_cast<Index>(json_whole(value, INT64_MAX, where_));
        return;
      case layer:
        line.layer = static_cast<Index>(json_whole(value, kMostRecordedLayers - 1, where_));
        return;
      case token:
        line.token = json_whole(value, INT64_MAX, where_);
        return;
      case text:
        line.text = json_text(value, where_);
        return;
      case expert:
        line.expert = static_cast<std::uint32_t>(json_whole(value, kMostRecordedExperts - 1, where_));
        return;
      case weight:
        line.weight = json_number(value, where_);
        return;
      case kept:
        if (value.element.get_bool().get(line.kept) != simdjson::SUCCESS) {
          refuse_value(lines_.where(), value, "true or false");
        }
        return;
      case sequence:
        line.sequence = static_cast<std::uint32_t>(json_whole(value, UINT32_MAX, where_));
        return;
      case token_id:
        line.token_id = static_cast<std::int64_t>(json_whole(value, kMostTokenId, where_));
        return;
      case of_group:
        labels_[key.value] = json_label(lines_.where(), value);
        return;
    }
  }

  struct Where {
    const RoutingJsonl& recording;
    std::string operator()() const { return recording.lines_.where(); }
  };

  RecordingLines lines_;
  RecordingJson json_;
  Where where_{*this};
  std::vector<KeyOfLine> keys_;
  std::vector<std::string> labels_;
  std::vector<std::string_view> views_;
};

bool tells(const RecordingBytes& bytes) {
  const std::vector<std::string> keys = first_keys(bytes.start());
  return has(keys, "layer") && has(keys, "token") && has(keys, "expert");
}

std::unique_ptr<Recording> open(std::unique_ptr<RecordingBytes> bytes, const RecordingOptions& options) {
  const std::vector<std::string> keys = first_keys(bytes->start());
  const std::string where = bytes->name() + ":1";
  for (const char* key : {"layer", "token", "expert"}) {
    if (!has(keys, key)) {
      refuse_recording(where, {.what = std::string("there is no key '") + key + "'",
                               .expected = "an object with layer, token and expert on each line"});
    }
  }
  std::vector<std::string> sorted = keys;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    refuse_recording(
        where, {.what = "the key " + quoted_word(*twice) + " stands twice", .expected = "each key once"});
  }
  if (keys.size() > kMostKeys) {
    refuse_recording(where, {.what = "the line has more than 63 keys", .expected = "fewer"});
  }
  return std::make_unique<RoutingJsonl>(std::move(bytes), keys, options);
}

}  // namespace

RecordingImporter routing_jsonl_importer() {
  return {{"routing-jsonl",
           "JSON Lines with layer, token, expert: an object for each choice, as --save-routing writes them"},
          tells,
          open};
}

}  // namespace moesim
