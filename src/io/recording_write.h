#pragma once
// Writing recorded routing in a form of our own, told by the name's ending: .moer, .csv or .jsonl, each also
// with .zst behind it, which packs it with zstd.

#include <memory>
#include <string>

#include "io/recording.h"

namespace moesim {

class RecordingWriter {
 public:
  virtual ~RecordingWriter() = default;
  // `info` of the recording that the piece comes from: the groups it names so far.
  virtual void add(const RecordingInfo& info, const ChoiceBlock& block) = 0;
  virtual void add(const RecordingInfo& info, const RecordedCounts& counts) = 0;
  virtual void close() = 0;  // puts the file in its place, else there is none; throws Error(write_failed)
};

// Whether a name asks for sums: counts.csv, gpt-oss.counts.csv, gpt-oss-counts.moer.zst.
bool asks_for_counts(const std::string& path);

// For what `info` says is in the recording: choices as choices, or summed by layer where the name asks for
// counts; counts as counts. Throws Error(usage) where the name's ending is none of these, or its form cannot
// hold it; Error(cannot_create).
std::unique_ptr<RecordingWriter> write_recording(const std::string& path, const RecordingInfo& info);

// Everything that is left of the recording.
void copy_recording(Recording& recording, RecordingWriter& writer);

// What the group says in the column: its model, its num_experts ("" where unknown), a label.
std::string group_value(const RecordingGroup& group, const std::string& column);

}  // namespace moesim
