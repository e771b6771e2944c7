#pragma once
// Sinkhorn's scalings again, written separately. Sources: src/router/sinkhorn.cpp, sinkhorn_scaling.h.

#include "oracle/naive.h"

namespace moesim::testing {

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

}  // namespace moesim::testing
