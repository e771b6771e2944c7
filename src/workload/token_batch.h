#pragma once
// The value a workload makes: T tokens with their vectors. Immutable once made.

#include <cstdint>
#include <vector>

#include "core/matrix.h"

namespace moesim {

struct TokenBatch {
  std::uint64_t first_token = 0;           // place of row 0 in the workload's stream of tokens
  Matrix hidden;                           // [T,D]; D is 0 where the batch has logits
  Matrix logits;                           // [T,E] of a workload that makes them itself; else no rows
  std::vector<std::uint32_t> token_id;     // [T] which word, byte, character, cluster …
  std::vector<std::uint32_t> sequence_id;  // [T] which file or sequence
  std::vector<std::uint64_t> position;     // [T] place inside the sequence
  std::vector<std::uint32_t>
      domain;  // [T] ground-truth label, index into Workload::domain_names(); empty: none

  Index num_tokens() const { return hidden.rows(); }
};

}  // namespace moesim
