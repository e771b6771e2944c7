// How often each expert was chosen, as CSV (docs/formats.md): layer, expert and count, with step and token_id
// where they are there; all other columns make groups. Written by moesim, by llama.cpp, for OLMoE and by many
// others. And the form of llama.cpp's moe-trace, layer,expert: a line for each choice, without its token.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "io/recording_error.h"
#include "io/recording_forms.h"
#include "io/recording_lines.h"

namespace moesim {
namespace {

constexpr std::string_view kOwnColumns[] = {"step", "layer", "token_id", "expert", "count"};

bool is_of_group(const std::string& column) {
  return std::find(std::begin(kOwnColumns), std::end(kOwnColumns), column) == std::end(kOwnColumns);
}

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string> group_columns(const std::vector<std::string>& columns) {
  std::vector<std::string> names;
  std::copy_if(columns.begin(), columns.end(), std::back_inserter(names), is_of_group);
  return names;
}

// What a line was about, so that a second one is found. Of more lines than it holds it forgets nothing and
// takes no more.
class SeenLines {
 public:
  struct Line {
    Index group, layer, step;
    std::int64_t token_id;
    std::uint64_t expert;
  };
  // False where the line was there before.
  bool add(const Line& line) {
    if (used_ == kMost) {
      return true;
    }
    if ((used_ + 1) * 2 > slots_.size()) {
      grow();
    }
    const bool fresh = put(key_of(line));
    used_ += fresh ? 1 : 0;
    return fresh;
  }
  bool full() const { return used_ == kMost; }

 private:
  static constexpr std::size_t kMost = std::size_t{1} << 23;

  // 12 bits of group and layer each, 16 of expert: nothing is lost below 2^23 steps or token ids; above, two
  // lines of 2^23 are taken for one with a probability of 2^-18.
  static std::uint64_t key_of(const Line& line) {
    const auto place = static_cast<std::uint64_t>(line.token_id < 0 ? line.step : line.token_id);
    const bool exact = place < (1U << 23) && (line.token_id < 0 || line.step == 0);
    const std::uint64_t mixed =
        exact ? (place << 1 | (line.token_id < 0 ? 0U : 1U))
              : (place * 0x9e3779b97f4a7c15U ^ static_cast<std::uint64_t>(line.step) * 0xc2b2ae3d27d4eb4fU) >>
                    8;
    const std::uint64_t packed = static_cast<std::uint64_t>(line.group) << 52 |
                                 static_cast<std::uint64_t>(line.layer) << 40 | line.expert << 24;
    return exact ? (packed | mixed) + 1 : (packed ^ mixed) + 1;
  }
  bool put(std::uint64_t key) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t at = (key * 0x9e3779b97f4a7c15U) >> 20 & mask;; at = (at + 1) & mask) {
      if (slots_[at] == key) {
        return false;
      }
      if (slots_[at] == 0) {
        slots_[at] = key;
        return true;
      }
    }
  }
  void grow() {
    std::vector<std::uint64_t> old(std::max<std::size_t>(64, slots_.size() * 2), 0);
    std::swap(old, slots_);
    for (const std::uint64_t key : old) {
      if (key != 0) {
        put(key);
      }
    }
  }

  std::vector<std::uint64_t> slots_;
  std::size_t used_ = 0;
};

class CountsCsv final : public CountsRecording {
 public:
  CountsCsv(const char* form, RecordingTable table, const RecordingOptions& options)
      : CountsRecording(form, table.bytes().name()),
        table_(std::move(table)),
        groups_(table_.bytes().name(), group_columns(table_.columns()), options) {
    info_.columns = groups_.columns();
    info_.parts.steps = step_ >= 0;
    info_.parts.token_ids = token_id_ >= 0;
    for (std::size_t i = 0; i < table_.columns().size(); ++i) {
      if (is_of_group(table_.columns()[i])) {
        of_group_.push_back(static_cast<int>(i));
      }
    }
    values_.resize(of_group_.size());
    pending_ = read_line();
  }

  bool next(RecordedCounts& counts) override {
    if (!pending_) {
      finish();
      return false;
    }
    counts.group = line_.group;
    counts.layer = line_.layer;
    counts.step = line_.step;
    counts.token_id = line_.token_id;
    const Index known = groups_.group(line_.group).num_experts;
    counts.count.assign(static_cast<std::size_t>(known), 0);
    do {
      const std::size_t expert = line_.expert;
      counts.count.resize(std::max(counts.count.size(), expert + 1));
      counts.count[expert] += count_;  // their sum fits
      pending_ = read_line();
    } while (pending_ && line_.group == counts.group && line_.layer == counts.layer &&
             line_.step == counts.step && line_.token_id == counts.token_id);
    groups_.publish(info_);
    return true;
  }

 private:
  bool read_line() {
    do {
      do {
        if (!table_.next()) {
          return false;
        }
      } while (count_column_ < 0 && table_.field(layer_) == "layer");  // traces put one behind the other
      for (std::size_t i = 0; i < of_group_.size(); ++i) {
        values_[i] = table_.field(of_group_[i]);
      }
      line_.group = groups_.find(values_, [this] { return table_.where(); });
    } while (line_.group < 0);
    line_.step = step_ < 0 ? 0 : static_cast<Index>(table_.whole(step_, INT64_MAX));
    line_.layer = static_cast<Index>(table_.whole(layer_, kMostRecordedLayers - 1));
    line_.token_id = token_id_ < 0 ? -1 : static_cast<std::int64_t>(table_.whole(token_id_, kMostTokenId));
    line_.expert = table_.whole(expert_, groups_.most_experts(line_.group) - 1);
    groups_.note_expert(line_.group, static_cast<std::int64_t>(line_.expert));
    count_ = count_column_ < 0 ? 1 : table_.whole(count_column_, INT64_MAX);
    if (__builtin_add_overflow(total_, count_, &total_)) {
      table_.refuse(kSumPasses, kSumFits);
    }
    if (count_column_ >= 0 && !seen_.add(line_)) {
      table_.refuse(fmt::format("layer {}, expert {} stands a second time", line_.layer, line_.expert),
                    "one line for each expert of a layer");
    }
    return true;
  }

  void finish() {
    if (seen_.full() && !finished_) {
      info_.notes.push_back("lines that stand twice were looked for among the first 8,388,608 lines");
    }
    finished_ = true;
    groups_.finish(info_);
  }

  RecordingTable table_;
  RecordingGroups groups_;
  int step_ = table_.find("step");
  int layer_ = table_.find("layer");
  int token_id_ = table_.find("token_id");
  int expert_ = table_.find("expert");
  int count_column_ = table_.find("count");
  std::vector<int> of_group_;
  std::vector<std::string_view> values_;
  SeenLines::Line line_{};
  std::uint64_t count_ = 0;
  std::uint64_t total_ = 0;
  bool pending_ = false;
  bool finished_ = false;
  SeenLines seen_;
};

bool is_counts(const std::vector<std::string>& names) {
  return has(names, "layer") && has(names, "expert") && has(names, "count");
}

bool tells_counts(const RecordingBytes& bytes) {
  const std::vector<std::string> names = column_names(bytes.start());
  return is_counts(names) && !has(names, "token_id") && !has(names, "token");
}

bool tells_token_expert(const RecordingBytes& bytes) {
  const std::vector<std::string> names = column_names(bytes.start());
  return is_counts(names) && has(names, "token_id") && !has(names, "token");
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

bool has_no_names(const std::vector<std::string>& names) {
  return names.size() == 2 && is_number(names[0]) && is_number(names[1]);
}

bool tells_llama_cpp(const RecordingBytes& bytes) {
  const std::vector<std::string> names = column_names(bytes.start());
  return names == std::vector<std::string>{"layer", "expert"} || has_no_names(names);
}

std::unique_ptr<Recording> open_llama_cpp(std::unique_ptr<RecordingBytes> bytes,
                                          const RecordingOptions& options) {
  const bool named = !has_no_names(column_names(bytes->start()));
  RecordingTable table =
      named ? RecordingTable(std::move(bytes)) : RecordingTable(std::move(bytes), {"layer", "expert"});
  if (table.columns() != std::vector<std::string>{"layer", "expert"}) {
    table.refuse("the columns are others", "layer and expert alone");
  }
  return std::make_unique<CountsCsv>("llama-cpp-csv", std::move(table), options);
}

std::unique_ptr<Recording> open(const char* form, std::initializer_list<const char*> needed,
                                std::unique_ptr<RecordingBytes> bytes, const RecordingOptions& options) {
  RecordingTable table(std::move(bytes));
  for (const char* column : needed) {
    if (table.find(column) < 0) {
      table.refuse(fmt::format("there is no column {}", column), fmt::format("{}", fmt::join(needed, ", ")));
    }
  }
  return std::make_unique<CountsCsv>(form, std::move(table), options);
}

}  // namespace

RecordingImporter counts_csv_importer() {
  return {{"counts-csv", "CSV with layer,expert,count, step and further columns (moesim, llama.cpp, OLMoE)"},
          tells_counts,
          [](std::unique_ptr<RecordingBytes> bytes, const RecordingOptions& options) {
            return open("counts-csv", {"layer", "expert", "count"}, std::move(bytes), options);
          }};
}

RecordingImporter token_expert_csv_importer() {
  return {
      {"token-expert-csv", "CSV with layer,token_id,expert,count: counts by vocabulary id"},
      tells_token_expert,
      [](std::unique_ptr<RecordingBytes> bytes, const RecordingOptions& options) {
        return open("token-expert-csv", {"layer", "token_id", "expert", "count"}, std::move(bytes), options);
      }};
}

RecordingImporter llama_cpp_csv_importer() {
  return {{"llama-cpp-csv", "CSV with layer,expert alone: a line for each choice (llama.cpp moe-trace)"},
          tells_llama_cpp,
          open_llama_cpp};
}

}  // namespace moesim
