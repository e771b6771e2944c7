#include "cli/outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "cli/session.h"
#include "config/suggest.h"
#include "core/error.h"
#include "core/text.h"

namespace moesim {
namespace {

struct FormatName {
  Format format;
  const char* name;    // after -o
  const char* ending;  // of a file
};
constexpr FormatName kFormats[] = {{Format::table, "table", "txt"},
                                   {Format::markdown, "md", "md"},
                                   {Format::csv, "csv", "csv"},
                                   {Format::json, "json", "json"},
                                   {Format::jsonl, "jsonl", "jsonl"}};

// One spelling for one file; pipes, terminals and devices may be named more than once.
std::string identity_of(const std::string& path) {
  std::error_code problem;
  const std::filesystem::file_status status = std::filesystem::status(path, problem);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    return "";
  }
  return std::filesystem::weakly_canonical(std::filesystem::absolute(path, problem), problem).string();
}

void refuse_same_names(const std::vector<std::pair<std::string, std::string>>& outputs) {
  std::map<std::string, std::string> seen;
  for (const auto& [option, path] : outputs) {
    const std::string identity = identity_of(path);
    const auto [first, is_new] = seen.emplace(identity, option + " " + path);
    if (!identity.empty() && !is_new) {
      throw Error(ErrorKind::usage,
                  fmt::format("{} {}: error: the same file as {}; expected another name for each output "
                              "[bad-option]",
                              option, display_safe(path), display_safe(first->second)));
    }
  }
}

}  // namespace

std::string checked_ending(const std::string& option, const std::string& path,
                           const std::vector<std::string>& endings) {
  const std::filesystem::path name(path);
  const std::string extension = name.extension().string();
  const std::string ending = extension.empty() ? "" : extension.substr(1);
  if (std::find(endings.begin(), endings.end(), ending) != endings.end()) {
    return ending;
  }
  std::vector<std::string> dotted;
  for (const std::string& known : endings) {
    dotted.push_back("." + known);
  }
  std::filesystem::path better = name;
  const bool only_ending = std::find(dotted.begin(), dotted.end(), name.filename().string()) != dotted.end();
  if (only_ending) {
    better.replace_filename("result" + name.filename().string());
  } else {
    better.replace_extension(dotted.front());
  }
  throw Error(ErrorKind::usage,
              fmt::format("{} {}: error: got {}; expected a name that ends in {} [bad-option]", option,
                          display_safe(path),
                          only_ending      ? "an ending without a name"
                          : ending.empty() ? "no ending"
                                           : fmt::format("the ending '{}'", display_safe(extension)),
                          list_choices(dotted)),
              name.filename().empty() ? "" : fmt::format("{} {}", option, display_safe(better.string())));
}

Format parse_format(const std::string& option, const std::string& text) {
  std::vector<std::string> names;
  for (const FormatName& known : kFormats) {
    names.emplace_back(known.name);
  }
  const std::string name = parse_choice_option(option, text, names);
  return std::find_if(std::begin(kFormats), std::end(kFormats),
                      [&](const FormatName& known) { return known.name == name; })
      ->format;
}

ResultOutputs::ResultOutputs(const std::string& output, const std::vector<std::string>& files,
                             const std::vector<std::pair<std::string, std::string>>& others)
    : format_(parse_format("-o", output)) {
  std::vector<std::pair<std::string, std::string>> all = others;
  for (const std::string& path : files) {
    const std::string ending = checked_ending("--out", path, {"json", "csv", "md", "jsonl", "txt"});
    const auto* known = std::find_if(std::begin(kFormats), std::end(kFormats),
                                     [&](const FormatName& f) { return f.ending == ending; });
    files_.push_back({path, known->format, nullptr});
    all.emplace_back("--out", path);
  }
  refuse_same_names(all);
}

void ResultOutputs::open() {
  for (File& file : files_) {
    file.file = std::make_unique<OutputFile>(file.path);
  }
}

void ResultOutputs::write(const Render& render, const ScreenStyle& style) {
  write_stdout(render(format_, style));
  for (File& file : files_) {
    file.file->write(render(file.format, file_style()));
    file.file->close();
  }
}

}  // namespace moesim
