// moesim completion: a script for a shell. It holds all its words; nothing runs while one types.

#include "cli/completion.h"

#include <algorithm>
#include <map>
#include <set>

#include "cli/catalogue_words.h"
#include "cli/explanations.h"
#include "cli/session.h"
#include "config/config_files.h"
#include "engine/experiment.h"
#include "io/files.h"
#include "io/recording.h"
#include "models/model_catalogue.h"
#include "report/starter_config.h"
#include "router/router.h"

namespace moesim {
namespace {

bool is_plain(const std::string& word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  });
}

std::vector<std::string> plain_words(const std::vector<std::string>& words) {
  std::set<std::string> sorted;
  std::copy_if(words.begin(), words.end(), std::inserter(sorted, sorted.end()), is_plain);
  return {sorted.begin(), sorted.end()};
}

// Each key with the words that any variant of its section takes; sections that may be left out by a word.
std::vector<KeyWords> key_words() {
  std::map<std::string, std::vector<std::string>> keys = {{"router.preset", router_presets().names()},
                                                          {"capacity", {"none"}},
                                                          {"balance", {"none"}},
                                                          {"sweep", {"none"}},
                                                          {"baselines", {"none"}},
                                                          {"executor.threads", {"auto"}}};
  for (const SectionInfo& section : config_sections()) {
    const std::string place = section.path.substr(0, section.path.find(' '));
    const std::size_t kind = section.path.find("(kind: ");
    if (kind != std::string::npos) {
      keys[place + ".kind"].push_back(section.path.substr(kind + 7, section.path.size() - kind - 8));
    }
    for (const FieldInfo& field : section.fields) {
      std::vector<std::string>& values = keys[place.empty() ? field.name : place + "." + field.name];
      values.insert(values.end(), field.choices.begin(), field.choices.end());
      if (field.type == "true or false") {
        values.insert(values.end(), {"true", "false"});
      }
    }
  }
  std::vector<KeyWords> list;
  for (const auto& [key, values] : keys) {
    list.push_back({key, plain_words(values)});
  }
  return list;
}

}  // namespace

CompletionWords completion_words() {
  CompletionWords words;
  words.keys = key_words();
  std::vector<std::string> routers = router_families().names();
  const std::vector<std::string> presets = router_presets().names();
  routers.insert(routers.end(), presets.begin(), presets.end());
  std::vector<std::string> templates;
  for (const StarterTemplate& starter : starter_templates()) {
    templates.push_back(starter.name);
  }
  std::vector<std::string> forms;
  for (const RecordingForm& form : recording_forms()) {
    forms.push_back(form.name);
  }
  std::vector<std::string> explained = catalogue_words();
  explained.push_back("config");
  for (const Explanation& entry : explanations()) {
    explained.emplace_back(entry.word);
  }
  for (const KeyWords& key : words.keys) {
    explained.push_back(key.key);
  }
  words.kinds = {{"CONFIG", plain_words(built_in_configs())},
                 {"FORM", plain_words(forms)},
                 {"MODEL", plain_words(model_catalogue().names())},
                 {"PRESET", plain_words(presets)},
                 {"ROUTER", plain_words(routers)},
                 {"TEMPLATE", plain_words(templates)},
                 {"WORD", plain_words(explained)}};
  return words;
}

std::vector<std::string> split_type(const std::string& type) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; !type.empty() && begin <= type.size();) {
    const std::size_t end = std::min(type.find('|', begin), type.size());
    parts.push_back(type.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

ValueKind value_kind(const CompletionWords& words, const std::string& part) {
  const auto is_it = [&](const KindWords& kind) { return kind.kind == part; };
  if (std::any_of(words.kinds.begin(), words.kinds.end(), is_it)) {
    return ValueKind::words;
  }
  if (part == "FILE" || (part.size() > 4 && part.substr(part.size() - 4) == ".npy")) {
    return ValueKind::files;
  }
  if (part == "DIR") {
    return ValueKind::folders;
  }
  if (part.rfind("KEY=", 0) == 0) {
    return ValueKind::keys;
  }
  return part.front() >= 'a' && part.front() <= 'z' ? ValueKind::word : ValueKind::nothing;
}

int completion_command(const std::string& shell, const CommandTree& tree) {
  parse_choice_option("moesim completion", shell, {"bash", "fish", "zsh"});
  const CompletionWords words = completion_words();
  write_stdout(shell == "bash"   ? render_bash_completion(tree, words)
               : shell == "fish" ? render_fish_completion(tree, words)
                                 : render_zsh_completion(tree, words));
  return 0;
}

}  // namespace moesim
