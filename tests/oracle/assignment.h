#pragma once
// The routers that look at the whole batch again, written separately: plain loops in double over whole
// matrices, one statement per sentence of the sources. Sources: see the files of the same names in
// src/router.

#include <vector>

namespace moesim::testing {

using NaiveMatrix = std::vector<std::vector<double>>;  // [T][E]

// The auction of fairseq, round by round, on matrices of all values and bids.
struct NaiveAuction {
  std::vector<int> expert;  // [T]
  double epsilon = 0;
  int rounds = 0;  // the last one included
};
NaiveAuction naive_auction(const NaiveMatrix& affinity);

// The largest sum of affinities when every expert gets T/E tokens: the Hungarian method on T/E copies of each
// expert (Kuhn 1955; shortest augmenting paths with potentials).
double largest_total(const NaiveMatrix& affinity);
double total_of(const NaiveMatrix& affinity, const std::vector<int>& expert);

// A routing as every whole-batch router here makes one.
struct NaiveTaken {
  std::vector<std::vector<int>> expert;     // [T] of each token, best first
  std::vector<std::vector<double>> weight;  // [T]
  bool ambiguous = false;                   // two different numbers that were compared are too near for float
};

// Megatron-LM and gpt-neox. rounds < 0: until it converges.
struct NaiveScaling {
  bool starts_from_columns = false;
  int rounds = -1;
  int top_k = 1;
};
NaiveTaken naive_sinkhorn(const NaiveMatrix& logits, const NaiveScaling& scaling);

// sinkhorn-router-pytorch, for T > E. noise [T rounded up to a multiple of E][E] is added to the logarithms.
struct NaiveLogScaling {
  int rounds = 8;
  double temperature = 1;
  bool competitive = true;
  NaiveMatrix noise;  // or empty
};
NaiveTaken naive_log_sinkhorn(const NaiveMatrix& logits, const NaiveLogScaling& scaling);

// The capped problem of arXiv:2202.09368, section 3.3, by Dykstra's algorithm with its corrections, on ln A.
struct NaiveCap {
  int per_expert = 0;
  int per_token = 1;
  double lambda = 0.001;
  int sweeps = 100;
};
struct NaiveCapped {
  NaiveTaken taken;      // weights are the scores
  int over_the_cap = 0;  // tokens taken more often than per_token by the largest of A alone
  double entropic = 0;   // Σ A·S + λ·Σ −A·ln A of the last A
};
NaiveCapped naive_capped(const NaiveMatrix& score, const NaiveCap& cap);

// The largest Σ of the scores of assignments in which every expert takes per_expert tokens and no token is
// taken more than per_token times: successive shortest paths. Small sizes only.
double largest_capped_total(const NaiveMatrix& score, const NaiveCap& cap);

// Soft mixing: softmax over the tokens of each slot, and over the slots of each token.
struct NaiveMix {
  NaiveMatrix dispatch;  // [T][S]
  NaiveMatrix combine;   // [T][S]
};
NaiveMix naive_soft(const NaiveMatrix& logits);

// Every expert whose score exceeds its threshold.
NaiveTaken naive_above(const NaiveMatrix& score, const std::vector<double>& threshold);

// The thresholds that let ⌊T·top_k/E⌋ of an expert's scores through, or fewer where they are equal.
std::vector<double> naive_quantiles(const NaiveMatrix& score, int top_k, int num_experts);

}  // namespace moesim::testing
