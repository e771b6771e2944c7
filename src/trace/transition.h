#pragma once
// How well the first choice of a layer tells that of the next recorded one.

#include "trace/kept_tokens.h"

namespace moesim {

struct Transition {
  Index from = 0, to = 0;  // layers as the file numbers them
  std::uint64_t tokens = 0;
  // Share of tokens whose first choice at `to` is the most frequent one among tokens with the same first
  // choice at `from`: counted on the tokens themselves (flattering where tokens are few), and on the second
  // half of them after counting the first.
  double in_sample = 0;
  double held_out = 0;
  // The same, always guessing the most frequent first choice at `to`.
  double popularity = 0;
  double popularity_held_out = 0;
};

// Of the tokens kept of both layers.
Transition summarise_transition(const KeptTokens& from, const KeptTokens& to);

}  // namespace moesim
