#pragma once
// Fair timing: variants take turns on the same batches, in an order that mirrors itself (A B C, C B A, …), so
// that drift of the machine hits all of them.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/model.h"
#include "metrics/run_record.h"

namespace moesim {

struct Contestant {
  VariantResult result;
  // Runs `repeats` consecutive steps of the current round and returns the seconds they took.
  std::function<double()> run;
  std::function<double()> read_weights = {};     // a plain read of some of its weights, bytes a second
  std::shared_ptr<const DenseStack> dense = {};  // of a dense variant
};

struct ContestOptions {
  double seconds = 0;           // when to stop, from the call
  std::int64_t min_rounds = 1;  // even when that takes longer
  std::int64_t max_rounds = 1000;
  int repeats = 1;                                       // steps in one sample
  std::function<void(Index round)> prepare;              // makes the round's batches; not timed
  std::function<bool(Index round, double spent)> go_on;  // progress and Ctrl-C: false stops after this round
};

// Adds a sample a round to every contestant. Returns the number of rounds.
int run_contest(std::vector<Contestant>& contestants, const ContestOptions& options);

// From samples to figures: intervals, rates, and ratios to the first contestant round by round. `tokens` and
// `layers` of the result must be set.
void summarise(std::vector<Contestant>& contestants);

}  // namespace moesim
