// For fish.

#include <fmt/format.h>

#include <algorithm>

#include "cli/completion.h"

namespace moesim {
namespace {

constexpr const char* kMachinery = R"(
# Keys behind --set and -p, and the words that a key takes.
function __moesim_keys
    set -l typed (string replace -r -- '^(--[\w-]+=|-\w)' '' (commandline -ct))
    set -l key (string split -m 1 = -- $typed)[1]
    if string match -q -- '*=*' $typed
        for line in $__moesim_key_values
            set -l words (string split ' ' -- $line)
            if test $words[1] = "$key"
                string join \n -- $key=$words[2..-1]
            end
        end
    else
        string join \n -- $__moesim_key_names=
    end
end

complete -c moesim -e
complete -c moesim -f
)";

// Between single quotes.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    result += c == '\'' || c == '\\' ? "\\" + std::string(1, c) : std::string(1, c);
  }
  return result + "'";
}

std::string list_of(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += " " + word;
  }
  return text;
}

// What a value may be: "-x -a '…'", "-F"; files and words may stand together.
std::string values_of(const CompletionWords& words, const std::string& type) {
  std::string offered;
  bool files = false;
  for (const std::string& part : split_type(type)) {
    switch (value_kind(words, part)) {
      case ValueKind::word:
        offered += " " + part;
        break;
      case ValueKind::words:
        offered += " $__moesim_" + part;
        files = files || part == "CONFIG";
        break;
      case ValueKind::files:
        files = true;
        break;
      case ValueKind::folders:
        offered += " (__fish_complete_directories)";
        break;
      case ValueKind::keys:
        offered += " (__moesim_keys)";
        break;
      case ValueKind::nothing:
        break;
    }
  }
  const std::string words_offered = offered.empty() ? "" : " -a " + quoted(offered.substr(1));
  return (files ? " -F" : "") + words_offered;
}

// `when` of a command's own options; "" before any command.
std::string lines_of(const CompletionWords& words, const CommandWords& command, const std::string& when) {
  std::string text;
  const std::string start = "complete -c moesim" + (when.empty() ? "" : " -n " + quoted(when));
  for (const OptionWords& option : command.options) {
    std::string line = start;
    for (const std::string& name : option.names) {
      line += name.rfind("--", 0) == 0 ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    if (!option.type.empty()) {
      const std::string values = values_of(words, option.type);
      line += (values.rfind(" -F", 0) == 0 ? " -r" : " -x") + values;
    }
    text += line + " -d " + quoted(option.what) + "\n";
  }
  for (const OptionWords& argument : command.arguments) {
    const std::string values = values_of(words, argument.type);
    text += values.empty() ? "" : start + values + "\n";
  }
  return text;
}

}  // namespace

std::string render_fish_completion(const CommandTree& tree, const CompletionWords& words) {
  std::string text = "# fish completion for moesim, printed by `moesim completion fish`.\n";
  std::vector<std::string> names;
  std::string values;
  for (const KeyWords& key : words.keys) {
    names.push_back(key.key);
    values += key.values.empty() ? "" : " '" + key.key + list_of(key.values) + "'";
  }
  text += "set -g __moesim_key_names" + list_of(names) + "\n";
  text += "set -g __moesim_key_values" + values + "\n";
  for (const KindWords& kind : words.kinds) {
    text += fmt::format("set -g __moesim_{}{}\n", kind.kind, list_of(kind.words));
  }
  text += kMachinery;
  text += lines_of(words, tree.whole, "__fish_use_subcommand");
  for (const CommandWords& command : tree.commands) {
    text += fmt::format("complete -c moesim -n __fish_use_subcommand -a {} -d {}\n", command.name,
                        quoted(command.summary));
  }
  for (const CommandWords& command : tree.commands) {
    text += lines_of(words, command, "__fish_seen_subcommand_from " + command.name);
  }
  return text;
}

}  // namespace moesim
