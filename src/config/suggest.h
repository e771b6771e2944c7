#pragma once
// Did you mean …?

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// The candidate nearest to `word` by edit distance (insert, delete, replace, swap of neighbours), when that
// is at most a third of the word's length (at least 1, so short words still get one typo); ties: the first in
// order; "" when none is near. A candidate that equals the word up to case, "-" against "_", or a missing
// or extra "s" always counts as nearest. A word in which every character would change is not near.
std::string suggest(std::string_view word, const std::vector<std::string>& candidates);

// "a, b, c", sorted, when there are at most twelve, else "" (the caller then names the command that lists
// them).
std::string list_choices(const std::vector<std::string>& choices);

// The keys of a section in the same form; of more than sixteen the first ten, their number, and the command
// that lists them all. `section` is that command's word: "router"; "" for the top level.
std::string list_keys(const std::vector<std::string>& keys, const std::string& section);

// The divisors of `whole` (at least 1) nearest to `wanted`: "4", or "4 or 8" where one lies on either side.
std::string nearest_divisors(std::int64_t wanted, std::int64_t whole);

}  // namespace moesim
