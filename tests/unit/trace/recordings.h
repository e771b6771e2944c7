#pragma once
// Recordings in memory for the tests of this room.

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/random.h"
#include "io/recording.h"

namespace moesim::trace_test {

struct TokenChoices {
  std::vector<std::int32_t> experts;
  std::uint32_t sequence = 0;
  std::int64_t token_id = -1;
};

inline ChoiceBlock block_of(const std::vector<TokenChoices>& tokens, Index layer = 0,
                            std::uint64_t first_token = 0) {
  ChoiceBlock block;
  block.layer = layer;
  block.first_token = first_token;
  block.begin = {0};
  for (const TokenChoices& token : tokens) {
    block.expert.insert(block.expert.end(), token.experts.begin(), token.experts.end());
    block.begin.push_back(static_cast<std::uint32_t>(block.expert.size()));
    block.sequence.push_back(token.sequence);
    if (token.token_id >= 0) {
      block.token_id.push_back(token.token_id);
    }
  }
  return block;
}

// Tokens that choose `top_k` different experts, low ids more often, in sequences of `sequence_length`; every
// second token repeats its neighbour's first expert.
struct RandomTokens {
  Index tokens = 200;
  std::uint32_t experts = 8;
  std::size_t top_k = 2;
  Index sequence_length = 50;
  std::uint64_t seed = 1;
};
inline std::vector<TokenChoices> random_tokens(const RandomTokens& wanted) {
  std::vector<TokenChoices> tokens;
  for (Index t = 0; t < wanted.tokens; ++t) {
    RandomSequence random({.seed = wanted.seed}, static_cast<std::uint64_t>(t));
    TokenChoices token{.experts = {}, .sequence = static_cast<std::uint32_t>(t / wanted.sequence_length)};
    token.token_id = random.next_below(7);
    if (t % wanted.sequence_length != 0 && random.next_below(2) == 0) {
      token.experts.push_back(tokens.back().experts.front());
    }
    while (token.experts.size() < wanted.top_k) {
      const double u = random.next_uniform();
      const auto expert = static_cast<std::int32_t>(u * u * wanted.experts);
      if (std::find(token.experts.begin(), token.experts.end(), expert) == token.experts.end()) {
        token.experts.push_back(expert);
      }
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

// The tokens cut into blocks of `length`.
inline std::vector<ChoiceBlock> blocks_of(const std::vector<TokenChoices>& tokens, std::size_t length,
                                          Index layer = 0) {
  std::vector<ChoiceBlock> blocks;
  for (std::size_t from = 0; from < tokens.size(); from += length) {
    const std::size_t to = std::min(tokens.size(), from + length);
    blocks.push_back(block_of({tokens.begin() + static_cast<std::ptrdiff_t>(from),
                               tokens.begin() + static_cast<std::ptrdiff_t>(to)},
                              layer, from));
  }
  return blocks;
}

class MemoryRecording final : public Recording {
 public:
  RecordingInfo information;
  std::vector<ChoiceBlock> blocks;
  std::vector<RecordedCounts> counts;

  const RecordingInfo& info() const override { return information; }
  bool next(ChoiceBlock& block) override {
    if (!information.by_token || at_ == blocks.size()) {
      return false;
    }
    block = blocks[at_++];
    return true;
  }
  bool next(RecordedCounts& to) override {
    if (information.by_token || at_ == counts.size()) {
      return false;
    }
    to = counts[at_++];
    return true;
  }

 private:
  std::size_t at_ = 0;
};

inline std::unique_ptr<MemoryRecording> recording_of(std::vector<ChoiceBlock> blocks, Index num_experts = 0,
                                                     Index groups = 1) {
  auto recording = std::make_unique<MemoryRecording>();
  recording->information.by_token = true;
  recording->information.source = "memory";
  for (Index g = 0; g < groups; ++g) {
    recording->information.groups.push_back(
        {.model = "m", .domain = "d" + std::to_string(g), .labels = {}, .num_experts = num_experts});
  }
  recording->blocks = std::move(blocks);
  return recording;
}

}  // namespace moesim::trace_test
