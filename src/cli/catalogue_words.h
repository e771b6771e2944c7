#pragma once
// Private to this room: what the catalogues of the program say about a word, for `moesim explain`.

#include <string>
#include <vector>

namespace moesim {

// Sections and keys of a config, kinds, presets, losses, capacity formulas, drop rules, choices of a key.
// Blocks of text, each ending in a newline; none where nothing bears the word.
std::vector<std::string> explain_from_catalogues(const std::string& word);

// All words that it knows but single keys, for suggestions.
std::vector<std::string> catalogue_words();

}  // namespace moesim
