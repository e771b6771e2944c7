#pragma once
// Private to this room: what `moesim completion` writes, made from the tree of commands and the catalogues.

#include <string>
#include <string_view>
#include <vector>

#include "cli/command_tree.h"

namespace moesim {

// Words that stand for a kind of value: names of built-in configs for CONFIG.
struct KindWords {
  std::string kind;
  std::vector<std::string> words;  // of letters, digits and _ . - alone: no shell sees anything else in them
};
// A key behind --set or -p, and the values that are words.
struct KeyWords {
  std::string key;
  std::vector<std::string> values;
};
struct CompletionWords {
  std::vector<KindWords> kinds;
  std::vector<KeyWords> keys;
};
CompletionWords completion_words();

// What an option or argument of that type takes: "svg|png|pdf", "CONFIG|PRESET".
std::vector<std::string> split_type(const std::string& type);
enum class ValueKind { words, files, folders, keys, nothing, word };
// Of one part of a type: `words` has a list of its own, `word` is the word itself, of `nothing` nobody knows
// the values.
ValueKind value_kind(const CompletionWords& words, const std::string& part);

std::string render_bash_completion(const CommandTree& tree, const CompletionWords& words);
std::string render_fish_completion(const CommandTree& tree, const CompletionWords& words);
std::string render_zsh_completion(const CommandTree& tree, const CompletionWords& words);

}  // namespace moesim
