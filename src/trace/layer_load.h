#pragma once
// How often each expert of a layer was chosen.

#include <cstdint>
#include <vector>

#include "io/recording.h"
#include "metrics/load.h"
#include "metrics/noise_floor.h"

namespace moesim {

struct LayerLoad {
  Counts count;        // [E] all choices
  Counts first;        // [E] first choices
  Counts tokens_of_k;  // [j] tokens that chose j experts
  std::uint64_t tokens = 0;
  std::uint64_t assignments = 0;

  void add(const ChoiceBlock& block);
  void add(const std::vector<std::uint64_t>& counts);
  // Counts say nothing of tokens: once all are added each token is taken to have chosen top_k experts, what
  // is left over being one token of fewer. top_k 0 stands for 1.
  void assume_top_k(Index top_k);
  void merge(const LayerLoad& later);

  Index num_experts() const { return static_cast<Index>(count.size()); }
  void widen(Index num_experts);  // experts nobody chose count too
  double mean_k() const { return tokens == 0 ? 0.0 : double(assignments) / double(tokens); }
};

// q_e: the share of tokens that chose expert e. Sums to the mean number of experts per token.
std::vector<double> popularity(const LayerLoad& load);
// Shares of all choices; sums to 1.
std::vector<double> shares(const Counts& counts);

}  // namespace moesim
