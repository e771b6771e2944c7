#pragma once
// The balancing losses again, values only: in plain loops, each written in the algebra of another
// implementation than src/balance follows where there is one.

#include <string>
#include <vector>

namespace moesim::testing {

using NaiveRows = std::vector<std::vector<double>>;

struct NaiveLossBatch {
  NaiveRows logits;                      // [T][E]
  std::vector<std::vector<int>> chosen;  // [T], best first
  int num_experts = 1;
  int top_k = 1;
  std::string score_func = "softmax";
  std::vector<int> sequence_lengths;  // they sum to T
  int num_devices = 1;
  int max_devices = 0;
  int num_zero_experts = 0;
  double tau = 0.75;
  NaiveRows noisy;  // [T][E], or empty
  NaiveRows noise_std;
  std::vector<double> all_counts;  // of all batches, or empty
  double all_tokens = 0;
  double all_steps = 1;

  std::string counted = "assigned";
  std::string scope = "batch";
  std::string cv = "population";
  std::string importance_of = "scores";
  std::string load_threshold = "kth_excluding";
  std::string global_mean = "local";
  std::string l1_weighting = "balanced";
};

double naive_loss(const std::string& name, const NaiveLossBatch& batch);

}  // namespace moesim::testing
