#pragma once
// Recorded routing, whatever program wrote it: who was chosen, by token; or how often, as counts. Importers
// (io/recording_*.cpp) read each form into these values, in bounded pieces, so that a file of any length can
// be summarised. Forms: docs/formats.md.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/matrix.h"

namespace moesim {

// What a set of layers of a file belongs to. A file of one model has one group; a file of several models,
// domains or rankings has one for each combination that --where leaves.
struct RecordingGroup {
  std::string model;                                        // "" where the file does not say
  std::string domain;                                       // "" where the file does not say
  std::vector<std::pair<std::string, std::string>> labels;  // further columns, as "ranks_counted" = "topk"
  Index num_experts = 0;  // 0: the file does not say, and the largest id + 1 is taken once all is read
  Index top_k = 0;        // 0: the file does not say, or tokens differ
};

// What a file holds beside who was chosen, or how often: the same in all its blocks.
struct RecordedParts {
  bool steps = false;
  bool weights = false;
  bool kept = false;
  bool text = false;
  bool sequences = false;
  bool token_ids = false;
};

struct RecordingInfo {
  std::string form;    // "gpt-oss-csv": the name of the importer
  std::string source;  // the file, and what it says of where it comes from
  // What is said of each group, by name: some of model, domain, num_experts and top_k, and labels. Known from
  // the start; groups are added as they are met.
  std::vector<std::string> columns;
  std::vector<RecordingGroup> groups;
  bool by_token = false;  // choices can be read; else counts
  RecordedParts parts;
  std::vector<std::string> notes;  // what the reader had to assume
};

// Choices of neighbouring tokens in one layer: token t's experts are [begin[t], begin[t+1]), best first, all
// different, none below 0.
struct ChoiceBlock {
  Index group = 0;
  Index layer = 0;                // as the file numbers it
  Index step = 0;                 // of recordings over time, else 0
  std::uint64_t first_token = 0;  // as the file numbers it; blocks that do not follow on have no neighbours
  std::vector<std::uint32_t> begin;     // [T+1]
  std::vector<std::int32_t> expert;     // [N]
  std::vector<float> weight;            // [N], or empty where the file has none
  std::vector<std::uint8_t> kept;       // [N], 0: dropped by a capacity; empty where the file does not say
  std::vector<std::uint32_t> sequence;  // [T]: tokens of different sequences are not neighbours
  std::vector<std::int64_t> token_id;   // [T] vocabulary ids, or empty where unknown
  std::vector<std::string> text;        // [T], where RecordingOptions::text asks for it and the file has it

  Index num_tokens() const { return begin.empty() ? 0 : static_cast<Index>(begin.size()) - 1; }
};

// How often each expert was chosen. A layer may come in several pieces, which add up.
struct RecordedCounts {
  Index group = 0;
  Index layer = 0;
  Index step = 0;                    // of recordings over time, else 0
  std::int64_t token_id = -1;        // of counts by vocabulary id, else -1
  std::vector<std::uint64_t> count;  // [E], or as many as the piece names where E is not known yet
};

struct RecordingOptions {
  std::vector<std::pair<std::string, std::string>> where = {};  // columns that must have these values
  std::string form = {};                                        // "": told by what the file begins with
  std::string model = {};  // of every group, where the file does not say; "": nothing is known
  bool text = false;       // whether ChoiceBlock::text is wanted
};

// A file being read, from its first block to its last, once. Reads ahead no more than some MiB.
class Recording {
 public:
  virtual ~Recording() = default;
  // num_experts and top_k of groups that the file does not say are known once all has been read.
  virtual const RecordingInfo& info() const = 0;
  // The next piece into a value whose memory is used again; false at the end. The one that does not fit
  // info().by_token gives none. Throws Error(bad_data) naming the file and the line or byte, what was found
  // and what was expected.
  virtual bool next(ChoiceBlock& block) = 0;
  virtual bool next(RecordedCounts& counts) = 0;
};

// Throws Error(missing_input), Error(bad_data) (an unknown form lists those understood) or Error(usage) (a
// --where that names no column, or leaves nothing).
std::unique_ptr<Recording> open_recording(const std::string& path, const RecordingOptions& options);

// What --where is given to leave this group alone: "model=Mixtral-8x7B-v0.1,domain=arxiv". For messages.
std::string conditions_of(const RecordingInfo& info, const RecordingGroup& group);

struct RecordingForm {
  std::string name;     // "sglang-counts"
  std::string summary;  // one line: who writes it and what tells it
};
const std::vector<RecordingForm>& recording_forms();

}  // namespace moesim
