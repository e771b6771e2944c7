// Which form a file has, told by what it begins with.
#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "io/recording_error.h"
#include "io/recording_forms.h"
#include "io/recording_lines.h"

namespace moesim {
namespace {

const std::vector<RecordingImporter>& importers() {
  static const std::vector<RecordingImporter> list = {
      moer_importer(),        routing_csv_importer(),      routing_jsonl_importer(),
      counts_csv_importer(),  token_expert_csv_importer(), llama_cpp_csv_importer(),
      gpt_oss_csv_importer(), simllm_jsonl_importer(),     choices_npy_importer(),
      counts_npy_importer(),  vllm_windows_importer()};
  return list;
}

constexpr const char* kFromPickle =
    "a pickle can run code when it is opened, so it is never read; write its tensor as .npy: python3 -c "
    "\"import torch, "
    "numpy; d = torch.load('IN.pt', weights_only=True, map_location='cpu'); numpy.save('OUT.npy', (d if "
    "torch.is_tensor(d) else d['logical_count']).numpy())\"";

struct Foreign {
  std::string_view start;
  const char* what;
  const char* help;
};
constexpr Foreign kForeign[] = {
    {"PK", "this is a zip archive, as .pt, .bin and .npz files are", kFromPickle},
    {"\x80\x02", "this is a Python pickle", kFromPickle},
    {"\x80\x03", "this is a Python pickle", kFromPickle},
    {"\x80\x04", "this is a Python pickle", kFromPickle},
    {"\x80\x05", "this is a Python pickle", kFromPickle},
    {"\x89HDF", "this is an HDF5 file",
     "write its array as .npy: numpy.save('OUT.npy', h5py.File('IN.h5')['NAME'][:])"},
    {"GGUF", "this is a GGUF file: a model, not its routing",
     "record the model's routing as CSV layer,expert or layer,expert,count"},
};

constexpr const char* kOfLogits =
    "router logits [tokens, experts] are read with --router PRESET; a model's weights are no recording";

std::string known_forms() {
  std::string names;
  for (const RecordingImporter& importer : importers()) {
    names += (names.empty() ? "" : ", ") + importer.form.name;
  }
  return names;
}

void refuse_foreign(const RecordingBytes& bytes) {
  if (begins_as_safetensors(bytes.start())) {
    refuse_recording(bytes.name(), {.what = "this is a file of safetensors",
                                    .expected = "recorded routing: " + known_forms(),
                                    .short_name = "recording-form",
                                    .help = kOfLogits});
  }
  for (const Foreign& foreign : kForeign) {
    if (bytes.start().starts_with(foreign.start)) {
      refuse_recording(bytes.name(), {.what = foreign.what,
                                      .expected = "recorded routing: " + known_forms(),
                                      .short_name = "recording-form",
                                      .help = foreign.help});
    }
  }
}

std::string forms_in_words() {
  std::string text = "moesim reads, and tells by what a file begins with:";
  for (const RecordingImporter& importer : importers()) {
    text += fmt::format("\n  {:<17} {}", importer.form.name, importer.form.summary);
  }
  text += "\nand router logits, .npy of floats or .safetensors, with --router PRESET";
  return text;
}

// What begins as JSON Lines and is none of the forms may be a damaged one: then the fault is named.
void check_first_line(const RecordingBytes& bytes) {
  std::string_view line = bytes.start();
  if (line.starts_with("\xef\xbb\xbf")) {
    line.remove_prefix(3);
  }
  const std::size_t end = line.find('\n');
  if (line.starts_with('{') &&
      (end != std::string_view::npos || bytes.start().size() == bytes.file_bytes())) {
    check_json_object(line.substr(0, end), bytes.name() + ":1");
  }
}

const RecordingImporter& chosen(const RecordingBytes& bytes, const RecordingOptions& options) {
  for (const RecordingImporter& importer : importers()) {
    if (options.form.empty() ? importer.tells(bytes) : importer.form.name == options.form) {
      return importer;
    }
  }
  if (!options.form.empty()) {
    throw Error(ErrorKind::usage,
                fmt::format("--form: error: {} is no form; expected {} [bad-option]",
                            quoted_word(options.form), known_forms()),
                forms_in_words());
  }
  check_first_line(bytes);
  refuse_recording(bytes.name(), {.what = bytes.start().empty() ? "the file is empty"
                                                                : "it is no recorded routing that is known",
                                  .expected = known_forms(),
                                  .short_name = "recording-form",
                                  .help = forms_in_words()});
}

}  // namespace

std::unique_ptr<Recording> open_recording(const std::string& path, const RecordingOptions& options) {
  auto bytes = std::make_unique<RecordingBytes>(path);
  refuse_foreign(*bytes);
  const RecordingImporter& importer = chosen(*bytes, options);
  return importer.open(std::move(bytes), options);
}

const std::vector<RecordingForm>& recording_forms() {
  static const std::vector<RecordingForm> forms = [] {
    std::vector<RecordingForm> list;
    for (const RecordingImporter& importer : importers()) {
      list.push_back(importer.form);
    }
    return list;
  }();
  return forms;
}

}  // namespace moesim
