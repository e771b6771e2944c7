// For bash from 3.2 on, with or without the package bash-completion.

#include <fmt/format.h>

#include <algorithm>

#include "cli/completion.h"

namespace moesim {
namespace {

// The words of the line up to the cursor, the command among them, and what the last one may become. Readline
// cuts words at = and :, which belong to them here, and replaces only what stands behind the last of them.
constexpr const char* kMachinery = R"(
# Offers each word that goes on from $value.
_moesim_offer() {
  local word
  for word in "$@"; do
    if [[ $word == "$value"* ]]; then COMPREPLY+=("$before$word"); fi
  done
}

_moesim_paths() { # -f: files and folders, -d: folders
  local path home=
  if [[ $value == "~/"* ]]; then home=$HOME/; fi
  while IFS= read -r path; do
    if [[ -n $home ]]; then path="~/${path#"$home"}"; fi
    COMPREPLY+=("$before$path")
  done < <(compgen "$1" -- "$home${value#"${home:+~/}"}")
  compopt -o filenames 2>/dev/null
}

_moesim_offer_keys() {
  local key=${value%%=*} word
  if [[ $value == *=* ]]; then
    for word in $(_moesim_key_values "$key"); do _moesim_offer "$key=$word"; done
    return
  fi
  _moesim_keys
  compopt -o nospace 2>/dev/null
}

# Offers what an option or argument of that type takes.
_moesim_offer_values() {
  local part rest=$1
  while [[ -n $rest ]]; do
    part=${rest%%|*}
    if [[ $rest == *"|"* ]]; then rest=${rest#*|}; else rest=; fi
    _moesim_values "$part"
  done
}

_moesim() {
  COMPREPLY=()
  local IFS=$' \t\n'
  local words=() last= word i
  for ((i = 0; i <= COMP_CWORD; ++i)); do
    word=${COMP_WORDS[i]}
    if ((i > 0)) && [[ $word == [=:]* || ($last == *[=:] && -n $word && ($word != -* || $last == *:)) ]]; then
      last+=$word
      words[${#words[@]} - 1]=$last
    else
      last=$word
      words+=("$word")
    fi
  done

  local command= type= arguments=0 count=$((${#words[@]} - 1))
  for ((i = 1; i < count; ++i)); do
    word=${words[i]}
    if [[ $word == -* ]]; then
      _moesim_type "$command" "$word"
      if [[ -n $type ]]; then ((++i)); fi
    elif [[ -z $command ]]; then
      command=$word
    else
      ((++arguments))
    fi
  done

  local value=${words[count]} before=
  _moesim_type "$command" "${words[count - 1]}"
  if ((i > count)); then
    _moesim_offer_values "$type"
  elif [[ $value == --*=* ]]; then
    before=${value%%=*}=
    _moesim_type "$command" "${before%=}"
    value=${value#*=}
    _moesim_offer_values "$type"
  elif [[ $value == -* ]]; then
    _moesim_offer $(_moesim_options "$command")
  elif [[ -z $command ]]; then
    _moesim_offer $(_moesim_commands)
  else
    _moesim_argument "$command" "$arguments"
    if [[ -n $type ]]; then
      _moesim_offer_values "$type"
    elif [[ -z $value ]]; then
      _moesim_offer $(_moesim_options "$command")
    fi
  fi

  local whole=${words[count]} own=${COMP_WORDS[COMP_CWORD]}
  if [[ $own == [=:]* ]]; then own=; fi
  local cut=${whole%"$own"}
  for ((i = 0; i < ${#COMPREPLY[@]}; ++i)); do COMPREPLY[i]=${COMPREPLY[i]#"$cut"}; done
}

complete -F _moesim moesim
)";

std::string cases_of_options(const CommandWords& command) {
  std::string text;
  for (const OptionWords& option : command.options) {
    if (option.type.empty()) {
      continue;
    }
    std::string names;
    for (const std::string& name : option.names) {
      names += fmt::format("{}{},{}", names.empty() ? "" : " | ", command.name, name);
    }
    text += fmt::format("    {}) type='{}' ;;\n", names, option.type);
  }
  return text;
}

std::string names_of_options(const CommandWords& command) {
  std::string names;
  for (const OptionWords& option : command.options) {
    for (const std::string& name : option.names) {
      names += (names.empty() ? "" : " ") + name;
    }
  }
  return names;
}

// "quickstart decode …", broken into lines.
std::string wrapped(const std::vector<std::string>& words, const std::string& indent) {
  constexpr std::size_t kWidth = 110;
  std::string text;
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty() && line.size() + word.size() + indent.size() > kWidth) {
      text += line + " \\\n" + indent;
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return text + line;
}

std::string action_of(const CompletionWords& words, const std::string& part) {
  switch (value_kind(words, part)) {
    case ValueKind::files:
      return "_moesim_paths -f";
    case ValueKind::folders:
      return "_moesim_paths -d";
    case ValueKind::keys:
      return "_moesim_offer_keys";
    case ValueKind::words:
    case ValueKind::word:
      return "_moesim_offer " + part;
    case ValueKind::nothing:
      return ":";
  }
  return ":";
}

// The function _moesim_values: one case for each part of a type that the tree knows.
std::string values_function(const CommandTree& tree, const CompletionWords& words) {
  std::string text = "_moesim_values() {\n  case $1 in\n";
  for (const KindWords& kind : words.kinds) {
    text += fmt::format("    {})\n      _moesim_offer {}\n", kind.kind, wrapped(kind.words, "        "));
    text += kind.kind == "CONFIG" ? "      _moesim_paths -f\n      ;;\n" : "      ;;\n";
  }
  std::vector<std::string> seen;
  const auto add = [&](const OptionWords& option) {
    for (const std::string& part : split_type(option.type)) {
      if (value_kind(words, part) != ValueKind::words &&
          std::find(seen.begin(), seen.end(), part) == seen.end()) {
        seen.push_back(part);
        text += fmt::format("    {}) {} ;;\n", part, action_of(words, part));
      }
    }
  };
  std::vector<CommandWords> commands = tree.commands;
  commands.push_back(tree.whole);
  for (const CommandWords& command : commands) {
    std::for_each(command.options.begin(), command.options.end(), add);
    std::for_each(command.arguments.begin(), command.arguments.end(), add);
  }
  return text + "  esac\n}\n";
}

std::string keys_functions(const CompletionWords& words) {
  std::vector<std::string> names;
  std::string cases;
  for (const KeyWords& key : words.keys) {
    names.push_back(key.key + "=");
    if (!key.values.empty()) {
      cases += fmt::format("    {})\n      echo {} ;;\n", key.key, wrapped(key.values, "        "));
    }
  }
  return fmt::format("_moesim_keys() {{\n  _moesim_offer {}\n}}\n\n", wrapped(names, "    ")) +
         "_moesim_key_values() {\n  case $1 in\n" + cases + "  esac\n}\n";
}

}  // namespace

std::string render_bash_completion(const CommandTree& tree, const CompletionWords& words) {
  CommandWords whole = tree.whole;
  whole.name.clear();
  std::string types = cases_of_options(whole);
  std::string arguments;
  std::string options = fmt::format("    '') echo {} ;;\n", names_of_options(whole));
  std::vector<std::string> names;
  for (const CommandWords& command : tree.commands) {
    names.push_back(command.name);
    types += cases_of_options(command);
    options += fmt::format("    {}) echo {} ;;\n", command.name, names_of_options(command));
    for (std::size_t i = 0; i < command.arguments.size(); ++i) {
      const OptionWords& argument = command.arguments[i];
      arguments += fmt::format("    {},{}) type='{}' ;;\n", command.name,
                               argument.repeats ? "*" : std::to_string(i), argument.type);
    }
  }
  return "# bash completion for moesim, printed by `moesim completion bash`.\n\n"
         "_moesim_commands() {\n  echo " +
         wrapped(names, "    ") +
         "\n}\n\n# Sets $type to what the option takes: nothing, if it is a flag.\n" +
         "_moesim_type() { # command, option\n  type=\n  case $1,$2 in\n" + types + "  esac\n}\n\n" +
         "_moesim_argument() { # command, place\n  type=\n  case $1,$2 in\n" + arguments + "  esac\n}\n\n" +
         "_moesim_options() { # command\n  case $1 in\n" + options + "  esac\n}\n\n" +
         values_function(tree, words) + "\n" + keys_functions(words) + kMachinery;
}

}  // namespace moesim
