#pragma once
// What a run leaves behind beside its summary, for stored results and pictures. Bounded: what would grow with
// the steps is kept for the first ones only.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/matrix.h"
#include "core/parallel.h"
#include "metrics/load.h"
#include "router/routing.h"

namespace moesim {

// Loads of one layer in one step; step −1: all steps of the run together.
struct ExpertLoads {
  Index step = -1;
  Index layer = 0;
  Counts routed;     // [E] before drops
  Counts processed;  // [E] after
};
// Loads by step are kept while steps · layers · experts stays below this; the totals always are.
constexpr Index kMostStepLoads = 65536;

// How often two experts were chosen for the same token, of one layer over all steps.
struct CoActivation {
  Index layer = 0;
  Index num_experts = 0;
  Counts together;  // [E·E], entry i·E + j with i < j
};
constexpr Index kMostCoActiveExperts = 256;

struct Histogram {
  std::string what;  // "weight": of assignments; "entropy": of a token's softmax over all experts, over ln E
  Index layer = 0;
  double low = 0;  // bins of equal width from low to high; what lies outside is counted in the end bins
  double high = 1;
  Counts bins;
};
constexpr std::size_t kHistogramBins = 20;

struct ShownAssignment {
  std::int32_t expert = 0;
  float weight = 0;
  bool kept = true;
  std::int32_t moved_to = -1;  // the expert it was re-routed to, or -1
};
struct ShownToken {
  std::string domain;
  std::string text;
  // First layer; of a soft router the experts with the largest shares of the token's output.
  std::vector<ShownAssignment> assignments;
};

constexpr Index kDetailTokens = 400;

// What a later layer chose for the tokens that the detail shows.
struct LayerChoices {
  Index layer = 0;
  std::vector<std::vector<ShownAssignment>> of_token;  // as long as RunDetail.tokens
};
// Layers are added while all choices together stay below this.
constexpr std::size_t kMostDetailChoices = 100'000;

struct RunDetail {
  std::vector<ExpertLoads> loads;
  std::vector<CoActivation> co_activation;
  std::vector<Histogram> histograms;
  std::vector<BlockSpan> timeline;         // one step that was not timed
  std::vector<ShownToken> tokens;          // the first ones of the first batch, at most kDetailTokens
  std::vector<LayerChoices> later_layers;  // of the same tokens, from layer 1
};

Histogram make_histogram(const std::string& what, Index layer);
void add_to(Histogram& histogram, double value);

void count_pairs(const Assignments& assignments, CoActivation& pairs);

// Entropy of the softmax of a token's logits over ln E: 1 when all experts are alike, 1 for a single expert.
double normalised_entropy(std::span<const float> logits);

}  // namespace moesim
