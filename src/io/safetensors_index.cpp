#include "io/safetensors_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "core/text.h"
#include "io/contained_folder.h"
#include "io/json_scanner.h"

namespace moesim {
namespace {

constexpr std::size_t kMostTensors = 1'000'000;
constexpr std::size_t kMostOtherKeys = 100;

class IndexReader {
 public:
  IndexReader(std::string_view text, const std::string& name)
      : scanner_(text, {.name = name, .first_byte = 0, .short_name = "safetensors-index"}) {}

  SafetensorsIndex read() {
    scanner_.take('{', "'{'");
    if (!scanner_.is_next('}')) {
      do {
        read_entry();
      } while (scanner_.take_if(','));
    }
    scanner_.take('}', "',' or '}'");
    if (!scanner_.is_at_end()) {
      scanner_.refuse(scanner_.place(), scanner_.found() + " behind the last bracket", "the end of the file");
    }
    if (index_.tensors.empty()) {
      scanner_.refuse(0, keys_.count("weight_map") == 0 ? "weight_map is missing" : "weight_map is empty",
                      "an object with each tensor's file");
    }
    check_unique();
    return std::move(index_);
  }

 private:
  void read_entry() {
    scanner_.is_next('"');
    const std::uint64_t at = scanner_.place();
    const std::string key = scanner_.take_string("a key in quotes");
    if (!keys_.insert(key).second) {
      scanner_.refuse(at, fmt::format("'{}' stands twice", display_safe(key)), "each key once");
    }
    if (keys_.size() > kMostOtherKeys) {
      scanner_.refuse(at, fmt::format("more than {} keys beside weight_map", kMostOtherKeys), "fewer");
    }
    scanner_.take(':', "':'");
    if (key == "weight_map") {
      read_map();
    } else {
      scanner_.skip_value();
    }
  }

  void read_map() {
    scanner_.take('{', "'{' and tensors with their files");
    if (scanner_.take_if('}')) {
      return;
    }
    do {
      scanner_.is_next('"');
      SafetensorsIndex::Entry entry{.tensor = {}, .shard = 0, .at = scanner_.place()};
      entry.tensor = scanner_.take_string("a tensor's name in quotes");
      if (index_.tensors.size() == kMostTensors) {
        scanner_.refuse(entry.at, fmt::format("more than {} tensors", kMostTensors), "fewer");
      }
      scanner_.take(':', "':'");
      scanner_.is_next('"');
      const std::uint64_t at = scanner_.place();
      entry.shard = shard_of(scanner_.take_string("a file's name in quotes"), at);
      index_.tensors.push_back(std::move(entry));
    } while (scanner_.take_if(','));
    scanner_.take('}', "',' or '}'");
  }

  std::uint32_t shard_of(std::string name, std::uint64_t at) {
    const auto known = shards_.find(name);
    if (known != shards_.end()) {
      return known->second;
    }
    if (!is_bare_name(name)) {
      scanner_.refuse(at, fmt::format("the file '{}'", display_safe(name)),
                      "the bare name of a file beside the index, without '/' and \"..\"");
    }
    if (index_.shards.size() == kMostShards) {
      scanner_.refuse(at, fmt::format("more than {} files", kMostShards), "fewer");
    }
    const auto place = static_cast<std::uint32_t>(index_.shards.size());
    index_.shards.push_back(name);
    shards_.emplace(std::move(name), place);
    return place;
  }

  void check_unique() {
    using Entry = SafetensorsIndex::Entry;
    std::vector<Entry>& tensors = index_.tensors;
    std::sort(tensors.begin(), tensors.end(), [](const Entry& a, const Entry& b) {
      return a.tensor != b.tensor ? a.tensor < b.tensor : a.at < b.at;
    });
    const auto twice = std::adjacent_find(
        tensors.begin(), tensors.end(), [](const Entry& a, const Entry& b) { return a.tensor == b.tensor; });
    if (twice != tensors.end()) {
      scanner_.refuse(std::next(twice)->at,
                      fmt::format("tensor '{}' stands twice", display_safe(twice->tensor)), "each name once");
    }
  }

  JsonScanner scanner_;
  SafetensorsIndex index_;
  std::unordered_set<std::string> keys_;
  std::unordered_map<std::string, std::uint32_t> shards_;
};

}  // namespace

SafetensorsIndex parse_safetensors_index(std::string_view text, const std::string& name) {
  return IndexReader(text, name).read();
}

}  // namespace moesim
