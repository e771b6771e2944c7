#pragma once
// The first tokens of a layer, kept whole for what cannot be counted in passing: caches, drawn batches,
// transitions, the generator.

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "io/recording.h"

namespace moesim {

class KeptTokens {
 public:
  explicit KeptTokens(Index most = 16384) : most_(most) {}

  void add(const ChoiceBlock& block);

  Index num_tokens() const { return static_cast<Index>(place_.size()); }
  bool full() const { return num_tokens() == most_; }
  std::span<const std::int32_t> choices(Index t) const {
    const auto i = static_cast<std::size_t>(t);
    return {expert_.data() + begin_[i], begin_[i + 1] - begin_[i]};
  }
  std::span<const std::int32_t> all_choices() const { return expert_; }
  // Of tokens from … to−1.
  std::span<const std::int32_t> choices_between(Index from, Index to) const {
    const std::uint32_t first = begin_[static_cast<std::size_t>(from)];
    return {expert_.data() + first, begin_[static_cast<std::size_t>(to)] - first};
  }
  std::uint64_t place(Index t) const { return place_[static_cast<std::size_t>(t)]; }
  std::uint32_t sequence(Index t) const { return sequence_[static_cast<std::size_t>(t)]; }
  std::int64_t token_id(Index t) const {
    return token_id_.empty() ? -1 : token_id_[static_cast<std::size_t>(t)];
  }
  bool has_token_ids() const { return !token_id_.empty(); }
  // Whether token t >= 1 is the neighbour of token t−1: next in the recording, and of the same sequence.
  bool continues(Index t) const { return place(t) == place(t - 1) + 1 && sequence(t) == sequence(t - 1); }
  // Runs of neighbours, as first token and the one behind the last.
  std::vector<std::pair<Index, Index>> sequences() const;
  Index num_experts() const { return experts_; }  // largest id kept + 1

 private:
  Index most_;
  Index experts_ = 0;
  std::vector<std::uint32_t> begin_{0};
  std::vector<std::int32_t> expert_;
  std::vector<std::uint64_t> place_;
  std::vector<std::uint32_t> sequence_;
  std::vector<std::int64_t> token_id_;
};

}  // namespace moesim
