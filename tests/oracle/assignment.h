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

}  // namespace moesim::testing
