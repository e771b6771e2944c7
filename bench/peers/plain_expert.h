#pragma once
// One expert as people write it, in plain matrices. The interface of a module of its own (plain_expert.cpp),
// which is compiled for this machine's processor: inline templates compiled at two levels may not meet in one
// program.

#include <cstdint>

extern "C" {

// out[m,n] = x[m,k]·W, all row-major, as cblas_sgemm.
using PlainSgemm = void (*)(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                            const float* a, int lda, const float* b, int ldb, float beta, float* c, int ldc);

struct PlainExpertCall {
  std::int64_t rows, d_model, width;
  const float* x;                      // [T,D]
  const std::int32_t* token;           // [rows]: row r is x[token[r]]
  const float *up, *gate_proj, *down;  // [F,D] each
  const float* row_weight;             // [rows]
  float* out;                          // [rows,D]
  PlainSgemm sgemm;                    // nullptr: Eigen's product
};

// out[r] = row_weight[r]·down(silu(gate_proj·x) ⊙ up·x)
void moesim_plain_expert(const PlainExpertCall* call);
// The instruction set that Eigen uses in it.
const char* moesim_plain_expert_build();

using PlainExpert = void (*)(const PlainExpertCall*);
using PlainExpertBuild = const char* (*)();
}
