#include "io/recording_groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "io/recording_error.h"

namespace moesim {
namespace {

constexpr std::size_t kMostGroups = 4096;

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + display_safe(name);
  }
  return text;
}

Index whole_or_none(const std::string& column, const std::string& text, const std::string& where) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!text.empty() &&
      (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value > kMostRecordedExperts)) {
    refuse_recording(
        where, {.what = fmt::format("{} is {}", column, quoted_word(text)),
                .expected = fmt::format("a whole number from 0 (not known) to {}", kMostRecordedExperts)});
  }
  return static_cast<Index>(value);
}

}  // namespace

RecordingGroups::RecordingGroups(std::string name, std::vector<std::string> columns,
                                 const RecordingOptions& options)
    : name_(std::move(name)), model_(options.model), columns_(std::move(columns)), where_(options.where) {
  const auto has = [this](const std::string& column) {
    return std::find(columns_.begin(), columns_.end(), column) != columns_.end();
  };
  if (!model_.empty()) {
    if (has("model")) {
      throw Error(
          ErrorKind::usage,
          fmt::format("--model: error: {} says of which model it is; expected no --model [no-effect]", name_),
          "leave --model away; --where model=NAME takes one of several");
    }
    columns_.insert(columns_.begin(), "model");
  }
  for (const auto& [column, value] : where_) {
    if (!has(column)) {
      throw Error(
          ErrorKind::usage,
          fmt::format("--where: error: {} has no column {} to choose by; expected {} [bad-option]", name_,
                      quoted_word(column),
                      columns_.empty() ? "no --where: it is one group" : "one of " + listed(columns_)));
    }
  }
}

std::uint64_t RecordingGroups::most_experts(Index i) const {
  const Index known = group(i).num_experts;
  return known > 0 ? static_cast<std::uint64_t>(known) : kMostRecordedExperts;
}

void RecordingGroups::note_chosen(Index i, std::int64_t fewest, std::int64_t most) {
  const auto at = static_cast<std::size_t>(i);
  fewest_[at] = std::min(fewest_[at], fewest);
  most_[at] = std::max(most_[at], most);
}

bool RecordingGroups::same_as_last(std::span<const std::string_view> values) const {
  const std::size_t added = model_.empty() ? 0 : 1;
  return any_ && std::equal(values.begin(), values.end(),
                            last_values_.begin() + static_cast<std::ptrdiff_t>(added), last_values_.end());
}

Index RecordingGroups::find_other(std::span<const std::string_view> values, const std::string& where) {
  last_values_.clear();
  if (!model_.empty()) {
    last_values_.push_back(model_);
  }
  last_values_.insert(last_values_.end(), values.begin(), values.end());
  MOESIM_CHECK(last_values_.size() == columns_.size(), "a value for each column of groups");
  any_ = true;
  const auto known = index_.find(last_values_);
  if (known != index_.end()) {
    return last_ = known->second;
  }
  if (index_.size() == kMostGroups) {
    refuse_recording(where, {.what = fmt::format("there are more than {} groups", kMostGroups),
                             .expected = "fewer different values of " + listed(columns_)});
  }
  last_ = -1;
  if (wanted(last_values_)) {
    groups_.push_back(make(last_values_, where));
    values_.push_back(last_values_);
    largest_.push_back(-1);
    fewest_.push_back(INT64_MAX);
    most_.push_back(-1);
    last_ = count() - 1;
  }
  index_.emplace(last_values_, last_);
  return last_;
}

bool RecordingGroups::wanted(const std::vector<std::string>& values) const {
  return std::all_of(where_.begin(), where_.end(), [&](const auto& condition) {
    const auto column = std::find(columns_.begin(), columns_.end(), condition.first) - columns_.begin();
    return values[static_cast<std::size_t>(column)] == condition.second;
  });
}

RecordingGroup RecordingGroups::make(const std::vector<std::string>& values, const std::string& where) const {
  RecordingGroup group;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const std::string& column = columns_[i];
    if (column == "model") {
      group.model = values[i];
    } else if (column == "domain") {
      group.domain = values[i];
    } else if (column == "num_experts") {
      group.num_experts = whole_or_none(column, values[i], where);
    } else if (column == "top_k") {
      group.top_k = whole_or_none(column, values[i], where);
    } else {
      group.labels.emplace_back(column, values[i]);
    }
  }
  if (group.num_experts > 0 && group.top_k > group.num_experts) {
    refuse_recording(where, {.what = fmt::format("top_k is {} of {} experts", group.top_k, group.num_experts),
                             .expected = "no more chosen than there are"});
  }
  return group;
}

Index RecordingGroups::only(RecordingInfo& info) {
  const Index group = find({}, [] { return std::string(); });
  if (group < 0) {
    finish(info);
  }
  return group;
}

// For example the values of the first condition that no group meets; where each is met alone, those of one
// group in all columns of the conditions.
std::string RecordingGroups::help_for_where() const {
  constexpr std::size_t kShown = 8;
  for (const auto& [column, value] : where_) {
    const auto at =
        static_cast<std::size_t>(std::find(columns_.begin(), columns_.end(), column) - columns_.begin());
    std::set<std::string> known;
    for (const auto& [values, unused] : index_) {
      known.insert(values[at]);
    }
    if (known.count(value) > 0 || known.empty()) {
      continue;
    }
    std::vector<std::string> shown;
    for (auto it = known.begin(); it != known.end() && shown.size() < kShown; ++it) {
      shown.push_back(quoted_word(*it));
    }
    return fmt::format("the file has --where {}={}; values of {}: {}{}", display_safe(column),
                       display_safe(*known.begin()), display_safe(column), fmt::join(shown, ", "),
                       known.size() > kShown ? fmt::format(" and {} more", known.size() - kShown) : "");
  }
  std::string text;
  if (!index_.empty()) {
    for (const auto& [column, unused] : where_) {
      const auto at =
          static_cast<std::size_t>(std::find(columns_.begin(), columns_.end(), column) - columns_.begin());
      text += (text.empty() ? "" : ",") + column + "=" + index_.begin()->first[at];
    }
  }
  return text.empty() ? "" : "the file has for example --where " + display_safe(text);
}

void RecordingGroups::finish(RecordingInfo& info) {
  if (finished_) {
    return;
  }
  finished_ = true;
  if (groups_.empty() && !where_.empty()) {
    std::string wanted_text;
    for (const auto& [column, value] : where_) {
      wanted_text += (wanted_text.empty() ? "" : ",") + column + "=" + value;
    }
    throw Error(ErrorKind::usage,
                fmt::format("--where: error: {} leaves nothing of {}; expected values that stand in it "
                            "[bad-option]",
                            quoted_word(wanted_text), name_),
                help_for_where());
  }
  info.groups = groups_;
  bool guessed = false;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    RecordingGroup& group = info.groups[i];
    if (group.num_experts == 0 && largest_[i] >= 0) {
      group.num_experts = largest_[i] + 1;
      guessed = true;
    }
    if (group.top_k == 0 && most_[i] > 0 && fewest_[i] == most_[i]) {
      group.top_k = most_[i];
    }
  }
  if (guessed) {
    info.notes.push_back("the file does not say how many experts there are; taken is the largest id plus 1");
  }
}

}  // namespace moesim
