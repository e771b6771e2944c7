#pragma once
// The texts that workload.files names, read and checked: UTF-8, at least one token each, bounded sizes.

#include <string>
#include <vector>

#include "config/binder.h"
#include "config/load.h"
#include "workload/tokenizer.h"

namespace moesim {

struct NamedTexts {
  std::vector<std::string> names;  // file names without folder and extension, each different
  std::vector<std::string> paths;
  std::vector<std::string> texts;
};

struct TextRequest {
  const std::vector<std::string>& files;  // paths and patterns
  TokenizerKind tokenizer = TokenizerKind::word;
  const ConfigSource& source;
};

// All texts in the order of the list, those of a pattern sorted. What is wrong goes to the binder, at
// workload.files: file-missing, file-too-large, bad-utf8, empty-file, data-missing and what io reports.
NamedTexts read_texts(Binder& binder, const TextRequest& request);

}  // namespace moesim
