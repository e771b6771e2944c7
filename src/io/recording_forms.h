#pragma once
// Private to this room: the forms of recordings, one importer each. What opens one is given the file at its
// first byte.

#include <functional>
#include <memory>

#include "io/recording.h"
#include "io/recording_bytes.h"
#include "io/recording_groups.h"

namespace moesim {

struct RecordingImporter {
  RecordingForm form;
  // Whether a file that begins so has the form. May throw Error(bad_data) where it has, and is broken there.
  bool (*tells)(const RecordingBytes& bytes);
  std::unique_ptr<Recording> (*open)(std::unique_ptr<RecordingBytes> bytes, const RecordingOptions& options);
};

RecordingImporter moer_importer();
RecordingImporter routing_csv_importer();
RecordingImporter routing_jsonl_importer();
RecordingImporter counts_csv_importer();
RecordingImporter token_expert_csv_importer();
RecordingImporter llama_cpp_csv_importer();
RecordingImporter gpt_oss_csv_importer();
RecordingImporter simllm_jsonl_importer();
RecordingImporter choices_npy_importer();
RecordingImporter counts_npy_importer();
RecordingImporter vllm_windows_importer();

// One that gives choices, or counts, alone.
class ChoiceRecording : public Recording {
 public:
  const RecordingInfo& info() const override { return info_; }
  bool next(RecordedCounts&) override { return false; }

 protected:
  ChoiceRecording(const char* form, const std::string& source) {
    info_.form = form;
    info_.source = source;
    info_.by_token = true;
  }
  RecordingInfo info_;
};

class CountsRecording : public Recording {
 public:
  const RecordingInfo& info() const override { return info_; }
  bool next(ChoiceBlock&) override { return false; }

 protected:
  CountsRecording(const char* form, const std::string& source) {
    info_.form = form;
    info_.source = source;
  }
  RecordingInfo info_;
};

// Empties a block, keeping its memory.
void clear_block(ChoiceBlock& block);

}  // namespace moesim
