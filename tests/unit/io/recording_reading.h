#pragma once
// A recording read to its end, as values that tests compare.

#include <tuple>
#include <vector>

#include "io/recording.h"

namespace moesim {

struct ReadRecording {
  RecordingInfo info;
  std::vector<ChoiceBlock> blocks;
  std::vector<RecordedCounts> counts;
};

inline ReadRecording read_recording(const std::string& path, const RecordingOptions& options = {}) {
  const std::unique_ptr<Recording> recording = open_recording(path, options);
  ReadRecording read;
  for (ChoiceBlock block; recording->next(block);) {
    read.blocks.push_back(block);
  }
  for (RecordedCounts counts; recording->next(counts);) {
    read.counts.push_back(counts);
  }
  read.info = recording->info();
  return read;
}

}  // namespace moesim
