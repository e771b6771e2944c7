// For zsh's own completion system, compinit.

#include <fmt/format.h>

#include <algorithm>

#include "cli/completion.h"

namespace moesim {
namespace {

constexpr const char* kMachinery = R"(
# Several kinds of values at one place: functions, and words that stand for themselves.
_moesim_any() {
  local one found=1
  for one; do
    if [[ $one == _* ]]; then $one && found=0; else compadd -- $one && found=0; fi
  done
  return found
}

_moesim_keys() {
  local key=${PREFIX%%=*}
  if compset -P 1 '*='; then
    compadd -- ${=_moesim_key_values[$key]}
  else
    compadd -S '' -- ${^_moesim_key_names}=
  fi
}

if [[ ${funcstack[1]} == _moesim ]]; then
  _moesim "$@"
elif (( ${+functions[compdef]} )); then
  compdef _moesim moesim
fi
)";

// Within single quotes, in a specification of _arguments.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
    } else {
      result += (c == '[' || c == ']' || c == ':' || c == '\\' ? "\\" : "") + std::string(1, c);
    }
  }
  return result;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : " ") + word;
  }
  return text;
}

// What stands behind "message:" of a specification.
std::string action_of(const CompletionWords& words, const std::string& type) {
  std::vector<std::string> actions;
  bool only_words = true;
  for (const std::string& part : split_type(type)) {
    const ValueKind kind = value_kind(words, part);
    only_words = only_words && kind == ValueKind::word;
    switch (kind) {
      case ValueKind::word:
        actions.push_back(part);
        break;
      case ValueKind::words:
        actions.push_back("_moesim_" + part);
        break;
      case ValueKind::files:
        actions.push_back("_files");
        break;
      case ValueKind::folders:
        actions.push_back("_directories");
        break;
      case ValueKind::keys:
        actions.push_back("_moesim_keys");
        break;
      case ValueKind::nothing:
        break;
    }
  }
  if (actions.empty()) {
    return " ";
  }
  return only_words           ? "(" + joined(actions) + ")"
         : actions.size() < 2 ? actions.front()
                              : " _moesim_any " + joined(actions);
}

std::string specifications(const CompletionWords& words, const CommandWords& command,
                           const std::string& indent) {
  std::string text;
  const auto value = [&](const OptionWords& option) {
    return fmt::format(":{}:{}", escaped(option.type), action_of(words, option.type));
  };
  for (const OptionWords& option : command.options) {
    for (const std::string& name : option.names) {
      const bool is_long = name.rfind("--", 0) == 0;
      const std::string before = option.repeats            ? "*"
                                 : option.names.size() > 1 ? "(" + joined(option.names) + ")"
                                                           : "";
      text += fmt::format(" \\\n{}'{}{}{}[{}]{}'", indent, before, name,
                          option.type.empty() ? ""
                          : is_long           ? "="
                                              : "+",
                          escaped(option.what), option.type.empty() ? "" : value(option));
    }
  }
  for (const OptionWords& argument : command.arguments) {
    text += fmt::format(" \\\n{}'{}{}'", indent, argument.repeats ? "*" : "", value(argument));
  }
  return text;
}

std::string key_lists(const CompletionWords& words) {
  std::string names;
  std::string values;
  for (const KeyWords& key : words.keys) {
    names += "  " + key.key + "\n";
    if (!key.values.empty()) {
      values += fmt::format("  {} '{}'\n", key.key, joined(key.values));
    }
  }
  return "typeset -ga _moesim_key_names=(\n" + names + ")\ntypeset -gA _moesim_key_values=(\n" + values +
         ")\n";
}

}  // namespace

std::string render_zsh_completion(const CommandTree& tree, const CompletionWords& words) {
  std::string text = "#compdef moesim\n# zsh completion for moesim, printed by `moesim completion zsh`.\n\n";
  text += key_lists(words);
  for (const KindWords& kind : words.kinds) {
    const bool files = kind.kind == "CONFIG";
    text += fmt::format("\n_moesim_{}() {{\n  local -a known=(\n", kind.kind);
    for (const std::string& word : kind.words) {
      text += "    " + word + "\n";
    }
    text += std::string("  )\n") + (files ? "  local found=1\n" : "") + "  compadd -a known" +
            (files ? " && found=0\n  _files && found=0\n  return found\n}\n" : "\n}\n");
  }
  text +=
      "\n_moesim() {\n  local curcontext=$curcontext state\n  local -a line commands\n  typeset -A opt_args\n"
      "  _arguments -C" +
      specifications(words, tree.whole, "    ") +
      " \\\n    ': :->command' \\\n    '*:: :->arguments' && return 0\n"
      "  if [[ $state == command ]]; then\n    commands=(\n";
  for (const CommandWords& command : tree.commands) {
    text += fmt::format("      '{}:{}'\n", command.name, escaped(command.summary));
  }
  text +=
      "    )\n    _describe -t commands 'command of moesim' commands\n    return\n  fi\n  case $words[1] "
      "in\n";
  for (const CommandWords& command : tree.commands) {
    text += fmt::format("    {})\n      _arguments{}\n      ;;\n", command.name,
                        specifications(words, command, "        "));
  }
  return text + "  esac\n}\n" + kMachinery;
}

}  // namespace moesim
