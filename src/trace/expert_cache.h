#pragma once
// How often an expert is found in a cache of the layer's own that holds some of its experts, token by token.

#include <cstdint>
#include <span>
#include <vector>

#include "trace/kept_tokens.h"

namespace moesim {

// Hits over accesses of one sequence that begins with an empty cache, mean over the sequences. Every choice
// is one access, a token's in the order of its ranks; a missing expert is always loaded, into a place of its
// own while there is one, else in place of another.
struct CacheRates {
  Index size = 0;      // experts it holds
  double lru = 0;      // the one unused for longest goes
  double lfu = 0;      // the one used least often so far goes; among equals the one unused for longest
  double fixed = 0;    // never changes: the most frequent experts of other tokens, see below
  double optimal = 0;  // the one needed latest goes (Belady 1966): no rule that loads can hit more often
};

struct CacheSummary {
  std::uint64_t tokens = 0;
  std::uint64_t sequences = 0;
  std::uint64_t accesses = 0;
  // What `fixed` has learned: with several sequences, each is served by the most frequent experts of all
  // others (of all but one in 64, where there are more); with one, its second half by those of the first.
  bool fixed_from_other_sequences = false;
  std::vector<CacheRates> rates = {};
};

// Eighths of E, and as many as a token chooses.
std::vector<Index> cache_sizes(Index num_experts, Index top_k);

CacheSummary summarise_caches(const KeptTokens& tokens, std::span<const Index> sizes);

}  // namespace moesim
