#pragma once
// Assignment problems again, written separately: the auction and the capped choice in plain loops over whole
// matrices, and exact solvers to hold them against. Sources: src/router/auction.h, capped_choice.h.

#include "oracle/naive.h"

namespace moesim::testing {

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

}  // namespace moesim::testing
