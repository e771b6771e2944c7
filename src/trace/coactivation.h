#pragma once
// Which experts a token chooses together: all pairs (as in Muennighoff et al. 2024, "OLMoE",
// arXiv:2409.02060, section 5.2), and pairs of neighbouring ranks alone (first with second, second with
// third, …).

#include <cstdint>
#include <vector>

#include "io/recording.h"
#include "trace/layer_load.h"

namespace moesim {

// Counts of unordered pairs of different experts. Rows of a triangle, so that it grows by appending.
class PairCounts {
 public:
  void add(std::int32_t a, std::int32_t b) {
    const auto low = static_cast<std::size_t>(a < b ? a : b);
    const auto high = static_cast<std::size_t>(a < b ? b : a);
    ++count_[high * (high - 1) / 2 + low];
  }
  void widen(Index num_experts);
  void merge(const PairCounts& later);

  Index num_experts() const { return experts_; }
  // 0 for pairs never met, whatever the ids; a != b
  std::uint32_t count(Index a, Index b) const;
  std::uint64_t total() const;

 private:
  Index experts_ = 0;
  std::vector<std::uint32_t> count_;  // [E(E−1)/2]
};

struct CoactivationCounts {
  PairCounts all;
  PairCounts adjacent;

  void add(const ChoiceBlock& block);
  void merge(const CoactivationCounts& later);
};

struct ExpertPair {
  Index a = 0, b = 0;       // a < b
  std::uint64_t count = 0;  // tokens that chose both
  double share_of_tokens = 0;
  double of_rarer = 0;  // of the tokens that chose the rarer of the two, those that chose the other too
  double lift = 0;      // share of all pairs over what popularity alone gives
};

struct PairSummary {
  std::uint64_t pairs = 0;
  // Total variation between the shares of the pairs and what popularity alone gives them (two different
  // experts, drawn in proportion to their loads): ½ Σ|n_ab/N − 2p_a·p_b/(1 − Σp²)|. 0: no pair is special.
  double departure = 0;
  double departure_floor = 0;   // its mean by chance, from as many pairs (each count Poisson)
  std::vector<ExpertPair> top;  // by how many more there are than popularity gives; the most first
};

PairSummary summarise_pairs(const PairCounts& pairs, const LayerLoad& load, std::size_t top);

}  // namespace moesim
