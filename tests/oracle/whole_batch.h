#pragma once
// Thresholds and soft mixing again, written separately. Sources: src/router/expert_threshold.cpp,
// qb_dynamic.cpp, soft.cpp.

#include "oracle/naive.h"

namespace moesim::testing {

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
