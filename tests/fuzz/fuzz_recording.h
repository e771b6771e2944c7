#pragma once
// Any bytes as a recording: refused with Error(bad_data), or read to its end with every promise kept.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

#include "core/error.h"
#include "fuzz_check.h"
#include "io/recording.h"

namespace moesim {

inline void check_block(const RecordingInfo& info, const ChoiceBlock& block) {
  fuzz_check(block.group >= 0 && block.group < static_cast<Index>(info.groups.size()), "the group is known");
  fuzz_check(block.layer >= 0 && block.layer < 4096 && block.step >= 0, "layer and step are in range");
  fuzz_check(block.num_tokens() > 0 && block.begin.front() == 0, "a block has tokens");
  fuzz_check(block.begin.back() == block.expert.size(), "the last token ends with the choices");
  fuzz_check(block.sequence.size() + 1 == block.begin.size(), "each token has a sequence");
  fuzz_check(block.weight.empty() || block.weight.size() == block.expert.size(), "each choice has a weight");
  fuzz_check(block.kept.empty() || block.kept.size() == block.expert.size(), "each choice is kept or not");
  fuzz_check(block.token_id.empty() || block.token_id.size() == block.sequence.size(),
             "each token has an id");
  fuzz_check(block.text.empty() || block.text.size() == block.sequence.size(), "each token has a text");
  std::unordered_set<std::int32_t> experts;
  for (std::size_t t = 0; t + 1 < block.begin.size(); ++t) {
    fuzz_check(block.begin[t] <= block.begin[t + 1], "tokens follow each other");
    experts.clear();
    for (std::size_t i = block.begin[t]; i < block.begin[t + 1]; ++i) {
      fuzz_check(block.expert[i] >= 0 && block.expert[i] < 65536, "experts are in range");
      fuzz_check(experts.insert(block.expert[i]).second, "the experts of a token differ");
    }
  }
}

// The file that the input becomes, in memory.
inline void read_as_recording(const std::uint8_t* data, std::size_t size, const std::string& form) {
  const int file = ::memfd_create("input", 0);
  fuzz_check(file >= 0 && ::write(file, data, size) == static_cast<ssize_t>(size), "the input can be kept");
  try {
    RecordingOptions options;
    options.form = form;
    options.text = true;
    const std::unique_ptr<Recording> recording =
        open_recording("/proc/self/fd/" + std::to_string(file), options);
    for (ChoiceBlock block; recording->next(block);) {
      check_block(recording->info(), block);
    }
    for (RecordedCounts counts; recording->next(counts);) {
      fuzz_check(counts.count.size() <= 65536 && counts.layer >= 0 && counts.layer < 4096,
                 "counts are in range");
    }
    for (const RecordingGroup& group : recording->info().groups) {
      fuzz_check(group.num_experts >= 0 && group.num_experts <= 65536, "the number of experts is in range");
    }
  } catch (const Error& error) {
    fuzz_check(error.kind() == ErrorKind::bad_data || error.kind() == ErrorKind::out_of_memory,
               "a bad file is bad data");
    fuzz_check(std::string_view(error.what()).find(": error: ") != std::string_view::npos ||
                   error.kind() == ErrorKind::out_of_memory,
               "an error has a place");
  }
  ::close(file);
}

}  // namespace moesim
