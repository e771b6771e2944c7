#pragma once
// The controllers again, written separately: one plain function a rule, double loops, no sorting tricks. The
// oracle that the real ones are compared with.

#include <string>
#include <vector>

namespace moesim::testing {

// A rule and its numbers; each rule reads its own.
struct NaiveRule {
  std::string kind;
  double rate = 0;
  std::string variant;  // centre, error, method, step
  double kappa = 0;
  double momentum = 0;
  double real_per_token = 0;
  double integral = 0;
  double derivative = 0;
  double ema = 0;
  int bins = 1;
  int ranks = 1;
  double decay = 0;
  double target = 0;
  double by = 0;
  double lowest = 0;
  double highest = 0;
};

struct NaiveStep {
  std::vector<double> loads;
  int tokens = 0;
  int top_k = 1;
  int num_zero_experts = 0;
  std::vector<std::vector<double>> values;  // [T][E]
};

struct NaiveSteering {
  std::vector<double> bias;
  std::vector<double> momentum;
  std::vector<double> errors;      // of the step before; empty before the first
  std::vector<double> cut_offs;    // thresholds; empty before the first
  std::vector<double> thresholds;  // …
  double raw_weight = 0;           // sum of the weights of all cut-offs so far
  double coefficient = 0;
};

void naive_update(const NaiveRule& rule, const NaiveStep& step, NaiveSteering& state);

}  // namespace moesim::testing
