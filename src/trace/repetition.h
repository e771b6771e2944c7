#pragma once
// Do neighbouring tokens of a sequence choose the same experts? Definitions: Jiang et al. 2024, "Mixtral of
// Experts" (arXiv:2401.04088), table 5: the same first choice; any expert among the first two choices of
// both.

#include <array>
#include <cstdint>
#include <vector>

#include "io/recording.h"
#include "trace/coactivation.h"
#include "trace/neighbours.h"

namespace moesim {

class RepetitionCounts {
 public:
  // Without pairs any_of_two.popularity stays unknown.
  void add(const ChoiceBlock& block, bool with_pairs = true);
  void forget_pairs();

 private:
  friend struct Repetition summarise_repetition(const RepetitionCounts&, const LayerLoad&);

  // P(two tokens drawn from all have an expert among the first two of both)
  double overlap_by_popularity() const;

  Neighbours neighbours_;
  std::vector<std::int32_t> previous_;
  std::uint64_t neighbouring_ = 0;  // pairs of neighbours, both with at least one expert
  std::uint64_t same_first_ = 0;
  std::uint64_t overlap_two_ = 0;
  std::uint64_t shared_ = 0;
  std::uint64_t k_products_ = 0;                           // Σ k_t·k_(t+1)
  std::array<std::array<std::uint64_t, 3>, 3> of_size_{};  // [i][j]: neighbours with i and j of the first two
  bool pairs_ = true;
  PairCounts first_two_;      // of all tokens with two
  Counts among_two_;          // tokens with the expert among their first two
  std::uint64_t tokens_ = 0;  // with at least one expert
};

struct Repeated {
  double observed = 0;
  // Two tokens far apart: only how often experts are chosen counts. Below 0: not known.
  double popularity = 0;
  double uniform = 0;  // every choice of as many experts equally likely: exact
};

struct Repetition {
  std::uint64_t neighbours = 0;  // pairs; 0: nothing below is known
  Repeated same_first = {};      // share of the pairs
  Repeated any_of_two = {};      // share of the pairs: an expert among the first two of both
  Repeated shared_experts = {};  // mean number that both chose
};

Repetition summarise_repetition(const RepetitionCounts& counts, const LayerLoad& load);

// P(two independent, uniform choices of i and j of E experts have one in common) = 1 − C(E−i, j)/C(E, j)
double chance_of_overlap(Index num_experts, Index i, Index j);

}  // namespace moesim
