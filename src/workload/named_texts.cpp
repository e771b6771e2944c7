#include "workload/named_texts.h"

#include <filesystem>
#include <set>

#include "core/text.h"
#include "workload/source_files.h"

namespace moesim {
namespace {

constexpr std::uint64_t kMaxTogether = 4 * kMaxSourceBytes;  // all files of a workload

std::string unique_name(const std::string& path, std::set<std::string>& taken) {
  const std::string stem = std::filesystem::path(path).stem().string();
  std::string name = stem;
  for (int i = 2; !taken.insert(name).second; ++i) {
    name = stem + " (" + std::to_string(i) + ")";
  }
  return name;
}

// All files, unchecked.
NamedTexts read_all(Binder& binder, const TextRequest& request) {
  NamedTexts all;
  std::set<std::string> taken;
  std::uint64_t together = 0;
  for (const std::string& pattern : request.files) {
    for (const SourceFile& file : find_source_files(binder, {"workload.files", pattern, request.source})) {
      std::optional<std::string> text = read_source_file(binder, "workload.files", file);
      if (!text) {
        continue;
      }
      together += text->size();
      if (together > kMaxTogether) {
        binder.error(
            "workload.files",
            "the files up to " + file.path + " are " + std::to_string(together) + " bytes long together",
            "at most " + std::to_string(kMaxTogether) + " bytes", "file-too-large");
        return {};
      }
      all.names.push_back(unique_name(file.path, taken));
      all.paths.push_back(file.path);
      all.texts.push_back(std::move(*text));
    }
  }
  return all;
}

// Reports bytes that are not UTF-8 and texts without a token.
void check_texts(Binder& binder, const NamedTexts& all, TokenizerKind tokenizer) {
  for (std::size_t i = 0; i < all.texts.size(); ++i) {
    const std::string& text = all.texts[i];
    const std::size_t bad = find_invalid_utf8(text);
    std::size_t offset = 0;
    if (bad < text.size()) {
      binder.error("workload.files",
                   all.paths[i] + ": byte " + std::to_string(bad) + " (" + display_safe(text.substr(bad, 1)) +
                       ") is not UTF-8",
                   "UTF-8 text", "bad-utf8", "iconv -f <its encoding> -t UTF-8");
    } else if (next_token(tokenizer, text, offset).empty()) {
      binder.error("workload.files", all.paths[i] + ": there is no token in it", "a text that is not empty",
                   "empty-file");
    }
  }
}

}  // namespace

NamedTexts read_texts(Binder& binder, const TextRequest& request) {
  if (request.files.empty()) {
    binder.error("workload.files", "got an empty list", "at least one path or pattern", "file-missing");
  }
  NamedTexts all = read_all(binder, request);
  check_texts(binder, all, request.tokenizer);
  return all;
}

}  // namespace moesim
