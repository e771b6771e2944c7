#pragma once
// A layer's routing imitated: drawn by the law of router/persistent_draw, fitted to the recording, and held
// against it. That law knows how often experts are chosen and how long they stay; which of them come together
// is the matter of a second one, with affinities.

#include <cstdint>
#include <vector>

#include "trace/coactivation.h"
#include "trace/kept_tokens.h"
#include "trace/layer_load.h"

namespace moesim {

// A figure of the recording and the same of the imitation.
struct Imitated {
  double recorded = 0;
  double generated = 0;
};

struct ImitatedDistinct {
  Index batch = 0;
  Imitated experts;
};

struct GeneratorFit {
  Index top_k = 0;                         // nearest to the mean number of experts per token
  std::vector<double> shares;              // [E], sum 1: the empirical marginal
  double persistence = 0;                  // DrawLaw's: neighbours share as many experts as recorded
  std::uint64_t tokens = 0;                // imitated
  double misfit = 0;                       // total variation between the shares, recorded and generated
  Imitated max_over_mean;                  // load of the busiest expert over the mean
  Imitated shared_experts;                 // of neighbours
  std::vector<ImitatedDistinct> distinct;  // batches of neighbours
  // Total variation between the shares of all pairs of experts: drawn by that law, and with affinities of the
  // strength that makes it smallest (0: none does). Not of more than 512 experts.
  double pairs_misfit = 0;
  double affinity = 0;
  double pairs_misfit_with_affinity = 0;
};

struct GeneratorOptions {
  std::uint64_t seed = 42;
  std::uint32_t layer = 0;  // for the random numbers
  Index most_tokens = 2048;
};

// Sequences as long as the recorded ones. Fewer than two tokens, or no expert: tokens stays 0.
GeneratorFit fit_generator(const KeptTokens& tokens, const GeneratorOptions& options);

// strength · ln of how many times more often than by popularity (half a pair added to both, so that pairs
// never met stay possible) each expert was chosen together with each other: [E,E], 0 on the diagonal.
std::vector<float> affinity_of(const PairCounts& pairs, const LayerLoad& load, double strength);

}  // namespace moesim
