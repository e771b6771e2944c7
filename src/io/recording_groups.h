#pragma once
// The groups of a recording: rows of the columns that tell them apart, as far as --where leaves them.

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/recording.h"

namespace moesim {

class RecordingGroups {
 public:
  // `columns` in the order of the values given later. Adds the column model where the options name one.
  // Throws Error(usage): --where names no column of these, or the file says the model already.
  RecordingGroups(std::string name, std::vector<std::string> columns, const RecordingOptions& options);

  const std::vector<std::string>& columns() const { return columns_; }
  // The group with these values, made where it is new; -1 where --where leaves it out. `where` is the place
  // that errors name: a number of experts or a top_k that is none, or too many groups.
  template <class Where>
  Index find(std::span<const std::string_view> values, const Where& where) {
    return same_as_last(values) ? last_ : find_other(values, where());
  }

  // The one group of a file without columns. Throws Error(usage) where --where leaves it out.
  Index only(RecordingInfo& info);

  Index count() const { return static_cast<Index>(groups_.size()); }
  const RecordingGroup& group(Index i) const { return groups_[static_cast<std::size_t>(i)]; }
  const std::vector<std::string>& values(Index i) const { return values_[static_cast<std::size_t>(i)]; }
  // One more than the largest id that the group may have.
  std::uint64_t most_experts(Index i) const;
  void note_expert(Index i, std::int64_t expert) {
    auto& largest = largest_[static_cast<std::size_t>(i)];
    largest = expert > largest ? expert : largest;
  }
  void note_chosen(Index i, std::int64_t fewest, std::int64_t most);

  // The groups met so far.
  void publish(RecordingInfo& info) const {
    for (std::size_t i = info.groups.size(); i < groups_.size(); ++i) {
      info.groups.push_back(groups_[i]);
    }
  }
  // What the whole file has shown. Throws Error(usage) where nothing is left.
  void finish(RecordingInfo& info);

 private:
  std::string help_for_where() const;
  bool same_as_last(std::span<const std::string_view> values) const;
  Index find_other(std::span<const std::string_view> values, const std::string& where);
  bool wanted(const std::vector<std::string>& values) const;
  RecordingGroup make(const std::vector<std::string>& values, const std::string& where) const;

  std::string name_;
  std::string model_;  // of the options
  std::vector<std::string> columns_;
  std::vector<std::pair<std::string, std::string>> where_;
  std::vector<RecordingGroup> groups_;
  std::vector<std::vector<std::string>> values_;
  std::vector<std::int64_t> largest_;
  std::vector<std::int64_t> fewest_;
  std::vector<std::int64_t> most_;
  std::map<std::vector<std::string>, Index> index_;  // also of rows left out: -1
  std::vector<std::string> last_values_;
  Index last_ = -1;
  bool any_ = false;
  bool finished_ = false;
};

// The experts of one token: within range and all different.
class DistinctExperts {
 public:
  void next_token() { ++token_; }
  // False where the token has the expert already. `expert` is below 65,536.
  bool add(std::uint32_t expert) {
    const bool fresh = seen_[expert] != token_;
    seen_[expert] = token_;
    return fresh;
  }

 private:
  std::vector<std::uint64_t> seen_ = std::vector<std::uint64_t>(65536, 0);
  std::uint64_t token_ = 0;
};

}  // namespace moesim
