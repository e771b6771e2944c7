#pragma once
// How many different experts a batch of B tokens chooses: what a decoding step must read. Batches of
// neighbours of one sequence, batches mixed from several sequences, and two models.

#include <cstdint>
#include <span>
#include <vector>

#include "io/recording.h"
#include "trace/kept_tokens.h"
#include "trace/layer_load.h"
#include "trace/neighbours.h"

namespace moesim {

inline constexpr int kBatchDoublings = 10;  // batches of 1, 2, 4, … 1024 tokens

// Windows of B neighbouring tokens of one sequence, side by side from its first token on; what is left at its
// end is not a window.
class DistinctCounts {
 public:
  void add(const ChoiceBlock& block);

  std::uint64_t windows(int doubling) const { return windows_[static_cast<std::size_t>(doubling)]; }
  double mean(int doubling) const;  // different experts per window

 private:
  void grow(std::size_t words);
  void add_token(std::span<const std::int32_t> choices);

  Neighbours neighbours_;
  std::uint64_t tokens_of_sequence_ = 0;
  std::size_t words_ = 0;            // of one set of experts
  std::vector<std::uint64_t> open_;  // [doubling][word]: the first half of a window, waiting for its other
  std::vector<std::uint64_t> set_;   // [word]
  std::uint64_t windows_[kBatchDoublings + 1] = {};
  std::uint64_t sum_[kBatchDoublings + 1] = {};
};

struct DistinctExperts {
  Index batch = 0;
  std::uint64_t windows = 0;  // 0: no sequence is as long
  double neighbours = 0;      // mean over windows
  std::uint64_t draws = 0;    // 0: there are not two sequences
  double mixed = 0;           // mean over draws
  double popularity = 0;      // Σ(1 − (1 − q_e)^B)
  double uniform = 0;         // E·(1 − (1 − k/E)^B)
};

double distinct_by_popularity(std::span<const double> q, Index batch);
double distinct_uniform(Index num_experts, double mean_k, Index batch);

// Each batch takes one random token each of `batch` sequences in random order; where there are fewer
// sequences, they take turns again. `seed` and `layer` decide which.
struct MixedDraw {
  std::uint64_t seed = 0;
  std::uint32_t layer = 0;
  int draws = 400;
};
double distinct_mixed(const KeptTokens& tokens, Index batch, const MixedDraw& draw);

std::vector<DistinctExperts> summarise_distinct(const DistinctCounts& counts, const KeptTokens& tokens,
                                                const LayerLoad& load, const MixedDraw& draw);

}  // namespace moesim
