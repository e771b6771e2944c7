#pragma once
// What the tests of the losses share: owned parts of a LossInput, by hand and at random.

#include <initializer_list>
#include <string>
#include <vector>

#include "balance/losses.h"
#include "core/random.h"
#include "oracle/losses.h"

namespace moesim::testing {

struct LossScene {
  std::vector<double> logits;  // [T,E]
  Assignments assignments;
  ScoreFunc score_func = ScoreFunc::softmax;
  Index top_k = 2;
  std::vector<Index> sequence_begin;
  Index num_devices = 1;
  Index max_devices = 0;
  Index num_zero_experts = 0;
  double zero_expert_weight = 0.75;
  std::vector<double> noise;  // [T,E], or empty
  std::vector<double> noise_std;
  BatchCounts all_batches;  // no experts: none
  LossChoices choices;

  // Valid while the scene and `noisy` live; noisy is filled.
  LossInput input(std::vector<double>& noisy) const;

  Loss loss(const std::string& name) const;
  double value(const std::string& name) const { return loss(name).value; }
  std::vector<NamedLoss> all() const;
};

// A token's experts, best first.
Assignments assignments_of(Index num_experts, const std::vector<std::vector<int>>& chosen);

// The batch that docs of the losses compute with: T = E = 4, top_k 2.
LossScene small_scene();

// All logits 0, token t at experts t, t+1, … t+k−1 (mod E): equal loads and equal scores.
LossScene balanced_scene(Index num_tokens, Index num_experts, Index top_k);

// Random numbers of one test input.
class LossDraw {
 public:
  explicit LossDraw(std::uint64_t index) : sequence_({.seed = 31, .stream = Stream::test}, index) {}
  double real(double low, double high) { return low + sequence_.next_uniform() * (high - low); }
  int below(int bound) { return static_cast<int>(sequence_.next_below(static_cast<std::uint32_t>(bound))); }
  bool coin() { return below(2) == 1; }
  template <class T>
  T among(std::initializer_list<T> values) {
    return values.begin()[below(static_cast<int>(values.size()))];
  }

 private:
  RandomSequence sequence_;
};

// The same input for the losses and for the oracle.
struct LossCase {
  LossScene scene;
  NaiveLossBatch naive;
};

struct LossCaseOptions {
  bool ties = true;  // equal logits, and logits of 0; without: all differ by more than 0.01
  int max_tokens = 40;
};

// Every setting at random: sizes from no token and one expert, T < E and T > E; numbers of experts a token
// that vary or not, by biased scores; sequences, some empty; devices; noise; all choices.
LossCase random_loss_case(std::uint64_t index, const LossCaseOptions& options = {});

}  // namespace moesim::testing
