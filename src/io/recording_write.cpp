#include "io/recording_write.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/checked.h"
#include "core/error.h"
#include "core/text.h"
#include "io/recording_error.h"
#include "io/recording_moer.h"
#include "io/recording_sink.h"
#include "io/recording_text.h"

namespace moesim {
namespace {

constexpr std::uint64_t kMostSums = std::uint64_t{32} << 20;  // numbers held at once

std::string without_zst(const std::string& path) {
  return path.ends_with(".zst") ? path.substr(0, path.size() - 4) : path;
}

class MoerWriter final : public RecordingWriter {
 public:
  MoerWriter(const std::string& path, const RecordingInfo& info) : sink_(path), parts_(info.parts) {
    sink_.write(moer_header(info));
  }

  void add(const RecordingInfo& info, const ChoiceBlock& block) override {
    define_groups(info, block.group);
    const auto tokens = static_cast<std::size_t>(block.num_tokens());
    for (std::size_t first = 0; first < tokens;) {
      const std::size_t last = end_of_record(block, first);
      put(moer_choices(block, parts_, first, last));
      totals_.tokens += last - first;
      totals_.choices += block.begin[last] - block.begin[first];
      first = last;
    }
  }

  void add(const RecordingInfo& info, const RecordedCounts& counts) override {
    define_groups(info, counts.group);
    for (const std::uint64_t count : counts.count) {
      totals_.counted = checked_add(totals_.counted, count, "the sum of all counts");
    }
    put(moer_counts(counts));
  }

  void close() override {
    sink_.write(moer_end(totals_));
    sink_.close();
  }

 private:
  void put(const std::string& record) {
    sink_.write(record);
    ++totals_.records;
  }
  void define_groups(const RecordingInfo& info, Index up_to) {
    for (; defined_ <= up_to; ++defined_) {
      std::vector<std::string> values;
      for (const std::string& column : info.columns) {
        values.push_back(group_value(info.groups[static_cast<std::size_t>(defined_)], column));
      }
      put(moer_group(values));
    }
  }
  // The token behind the last one that fits a record which begins with `first`.
  std::size_t end_of_record(const ChoiceBlock& block, std::size_t first) const {
    const auto tokens = static_cast<std::size_t>(block.num_tokens());
    std::size_t last = first;
    std::size_t text = 0;
    do {
      text += parts_.text ? block.text[last].size() : 0;
      ++last;
    } while (last < tokens && last - first < kMoerMostTokens && text < kMoerMostText &&
             block.begin[last + 1] - block.begin[first] <= kMoerMostChoices);
    return last;
  }

  RecordingSink sink_;
  RecordedParts parts_;
  MoerTotals totals_;
  Index defined_ = 0;  // groups
};

// Choices as sums over tokens and steps, by group and layer.
class SummingWriter final : public RecordingWriter {
 public:
  explicit SummingWriter(std::unique_ptr<RecordingWriter> counts) : counts_(std::move(counts)) {}

  void add(const RecordingInfo& info, const ChoiceBlock& block) override {
    if (info_.groups.size() != info.groups.size()) {
      info_ = info;
    }
    std::vector<std::uint64_t>& sums = sums_[{block.group, block.layer}];
    const Index known = info.groups[static_cast<std::size_t>(block.group)].num_experts;
    const auto largest = std::max_element(block.expert.begin(), block.expert.end());
    grow(sums, static_cast<std::size_t>(
                   std::max(known, largest == block.expert.end() ? Index{0} : Index{*largest} + 1)));
    for (const std::int32_t expert : block.expert) {
      ++sums[static_cast<std::size_t>(expert)];
    }
  }
  void add(const RecordingInfo&, const RecordedCounts&) override {
    throw_internal(__FILE__, __LINE__, "counts are sums already");
  }
  void close() override {
    for (auto& [place, sums] : sums_) {
      counts_->add(info_,
                   {.group = place.first, .layer = place.second, .step = 0, .token_id = -1, .count = sums});
    }
    counts_->close();
  }

 private:
  void grow(std::vector<std::uint64_t>& sums, std::size_t experts) {
    if (experts <= sums.size()) {
      return;
    }
    held_ += experts - sums.size();
    if (held_ > kMostSums) {
      refuse_recording(info_.source,
                       {.what = "the counts of all groups, layers and experts take more than 256 MiB",
                        .expected = "fewer of them",
                        .short_name = "recording-malformed",
                        .help = "--where takes some of the groups"});
    }
    sums.resize(experts);
  }

  std::unique_ptr<RecordingWriter> counts_;
  RecordingInfo info_;
  std::map<std::pair<Index, Index>, std::vector<std::uint64_t>> sums_;
  std::uint64_t held_ = 0;
};

std::unique_ptr<RecordingWriter> open_writer(const std::string& path, const RecordingInfo& info) {
  const std::string name = without_zst(path);
  if (name.ends_with(".moer")) {
    return std::make_unique<MoerWriter>(path, info);
  }
  if (name.ends_with(".jsonl") && info.by_token) {
    return write_routing_text(path, info, RoutingText::json_lines);
  }
  if (name.ends_with(".csv")) {
    return info.by_token ? write_routing_text(path, info, RoutingText::csv) : write_counts_csv(path, info);
  }
  if (name.ends_with(".jsonl")) {
    throw Error(
        ErrorKind::usage,
        fmt::format(
            "--to: error: {} cannot hold counts; expected a name that ends in .csv or .moer [bad-option]",
            display_safe(path)),
        "JSON Lines hold choices of tokens, which are not there; --to counts.csv");
  }
  throw Error(
      ErrorKind::usage,
      fmt::format(
          "--to: error: {} has no ending that names a form; expected .csv, .jsonl or .moer, or one of "
          "these with .zst [bad-option]",
          display_safe(path)),
      "--to trace.moer");
}

}  // namespace

bool asks_for_counts(const std::string& path) {
  const std::string name = without_zst(path);
  const std::size_t dot = name.rfind('.');
  const std::string stem = name.substr(0, dot);
  const std::size_t slash = stem.rfind('/');
  const std::string file = slash == std::string::npos ? stem : stem.substr(slash + 1);
  if (!file.ends_with("counts")) {
    return false;
  }
  return file.size() == 6 || std::string_view(".-_").find(file[file.size() - 7]) != std::string_view::npos;
}

std::unique_ptr<RecordingWriter> write_recording(const std::string& path, const RecordingInfo& info) {
  if (!info.by_token || !asks_for_counts(path)) {
    return open_writer(path, info);
  }
  RecordingInfo counts = info;
  counts.by_token = false;
  counts.parts = {};  // sums of all steps
  return std::make_unique<SummingWriter>(open_writer(path, counts));
}

void copy_recording(Recording& recording, RecordingWriter& writer) {
  for (ChoiceBlock block; recording.next(block);) {
    writer.add(recording.info(), block);
  }
  for (RecordedCounts counts; recording.next(counts);) {
    writer.add(recording.info(), counts);
  }
}

std::string group_value(const RecordingGroup& group, const std::string& column) {
  const auto known = [](Index number) { return number > 0 ? std::to_string(number) : std::string(); };
  if (column == "model") {
    return group.model;
  }
  if (column == "domain") {
    return group.domain;
  }
  if (column == "num_experts") {
    return known(group.num_experts);
  }
  if (column == "top_k") {
    return known(group.top_k);
  }
  const auto found = std::find_if(group.labels.begin(), group.labels.end(),
                                  [&](const auto& label) { return label.first == column; });
  return found == group.labels.end() ? "" : found->second;
}

}  // namespace moesim
