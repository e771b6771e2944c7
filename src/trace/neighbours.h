#pragma once
// Private to this room: one token's experts within a block, and which token is the previous token's
// neighbour.

#include <algorithm>
#include <cstdint>
#include <span>

#include "io/recording.h"

namespace moesim {

inline std::span<const std::int32_t> choices_of(const ChoiceBlock& block, Index t) {
  const std::uint32_t from = block.begin[static_cast<std::size_t>(t)];
  const std::uint32_t to = block.begin[static_cast<std::size_t>(t) + 1];
  return {block.expert.data() + from, to - from};
}

// Tokens are neighbours when nothing lies between them and both belong to one sequence. Follows the tokens of
// one layer from block to block.
class Neighbours {
 public:
  // Whether the block's token t continues the sequence of the token asked about before.
  bool continues(const ChoiceBlock& block, Index t) {
    const std::uint64_t place = block.first_token + static_cast<std::uint64_t>(t);
    const std::uint32_t sequence = block.sequence[static_cast<std::size_t>(t)];
    const bool yes = any_ && place == next_place_ && sequence == sequence_;
    any_ = true;
    next_place_ = place + 1;
    sequence_ = sequence;
    return yes;
  }

 private:
  bool any_ = false;
  std::uint64_t next_place_ = 0;
  std::uint32_t sequence_ = 0;
};

}  // namespace moesim
