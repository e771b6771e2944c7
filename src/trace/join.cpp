// Several recordings, read one after the other as if they were one.

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "core/error.h"
#include "core/text.h"
#include "trace/summary.h"

namespace moesim {
namespace {

bool same_group(const RecordingGroup& a, const RecordingGroup& b) {
  return a.model == b.model && a.domain == b.domain && a.labels == b.labels;
}

class JoinedRecording final : public Recording {
 public:
  explicit JoinedRecording(std::vector<std::unique_ptr<Recording>> recordings)
      : recordings_(std::move(recordings)) {
    info_ = recordings_.front()->info();
    info_.groups.clear();
    if (recordings_.size() > 1) {
      info_.source += fmt::format(" and {} more", recordings_.size() - 1);
    }
    for (const auto& recording : recordings_) {
      const RecordingInfo& info = recording->info();
      if (info.by_token != info_.by_token) {
        throw Error(ErrorKind::bad_data,
                    fmt::format("{}: error: holds {}, while {} holds {}; expected recordings of one kind "
                                "[types-differ]",
                                display_safe(info.source), kind_of(info),
                                display_safe(recordings_.front()->info().source), kind_of(info_)));
      }
      info_.parts.weights = info_.parts.weights && info.parts.weights;
      info_.parts.token_ids = info_.parts.token_ids && info.parts.token_ids;
    }
    gather();
  }

  const RecordingInfo& info() const override { return info_; }

  // The kind that the recordings do not hold must not go past them.
  bool next(ChoiceBlock& block) override {
    while (info_.by_token && at_ < recordings_.size()) {
      if (recordings_[at_]->next(block)) {
        gather();
        block.group = group_of_[static_cast<std::size_t>(block.group)];
        std::uint64_t& end = end_of_[{block.group, block.layer}];
        std::uint64_t& begin = begin_of_[block.group];
        block.first_token += begin;
        end = block.first_token + static_cast<std::uint64_t>(block.num_tokens());
        for (std::uint32_t& sequence : block.sequence) {
          largest_sequence_ = std::max(largest_sequence_, sequence + first_sequence_);
          sequence += first_sequence_;
        }
        return true;
      }
      next_recording();
    }
    return false;
  }

  bool next(RecordedCounts& counts) override {
    while (!info_.by_token && at_ < recordings_.size()) {
      if (recordings_[at_]->next(counts)) {
        gather();
        counts.group = group_of_[static_cast<std::size_t>(counts.group)];
        return true;
      }
      next_recording();
    }
    return false;
  }

 private:
  static const char* kind_of(const RecordingInfo& info) { return info.by_token ? "tokens" : "counts"; }

  // The groups of the recording being read, found or added; what it knows of them may grow as it is read.
  void gather() {
    if (at_ >= recordings_.size()) {
      return;
    }
    const RecordingInfo& info = recordings_[at_]->info();
    group_of_.resize(info.groups.size());
    for (std::size_t g = 0; g < info.groups.size(); ++g) {
      const RecordingGroup& own = info.groups[g];
      auto found = std::find_if(info_.groups.begin(), info_.groups.end(),
                                [&](const RecordingGroup& other) { return same_group(own, other); });
      if (found == info_.groups.end()) {
        info_.groups.push_back(own);
        found = info_.groups.end() - 1;
      }
      found->num_experts = std::max(found->num_experts, own.num_experts);
      if (found->top_k != own.top_k) {
        found->top_k = found->top_k == 0 ? own.top_k : found->top_k;
      }
      group_of_[g] = found - info_.groups.begin();
    }
  }

  void next_recording() {
    gather();
    for (const std::string& note : recordings_[at_]->info().notes) {
      if (std::find(info_.notes.begin(), info_.notes.end(), note) == info_.notes.end()) {
        info_.notes.push_back(note);
      }
    }
    for (const auto& [place, end] : end_of_) {
      std::uint64_t& begin = begin_of_[place.first];
      begin = std::max(begin, end);
    }
    first_sequence_ = largest_sequence_ + 1;
    recordings_[at_].reset();
    ++at_;
    gather();
  }

  std::vector<std::unique_ptr<Recording>> recordings_;
  std::size_t at_ = 0;
  RecordingInfo info_;
  std::vector<Index> group_of_;  // of the recording being read
  std::map<std::pair<Index, Index>, std::uint64_t> end_of_;
  std::map<Index, std::uint64_t> begin_of_;  // by group: tokens of the recordings before
  std::uint32_t first_sequence_ = 0;
  std::uint32_t largest_sequence_ = 0;
};

}  // namespace

std::unique_ptr<Recording> join_recordings(std::vector<std::unique_ptr<Recording>> recordings) {
  if (recordings.size() == 1) {
    return std::move(recordings.front());
  }
  return std::make_unique<JoinedRecording>(std::move(recordings));
}

}  // namespace moesim
