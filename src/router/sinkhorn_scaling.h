#pragma once
// Private to this room: scaling the rows and columns of a matrix in turns until every token and every expert
// has an equal share of it (Sinkhorn 1964), with the starts and stops of three implementations.

#include "core/matrix.h"
#include "core/parallel.h"
#include "router/router.h"

namespace moesim {

// What of K = exp(logits) [T,E] is computed: K[t,e]·d0[t]·d1[e] with, in turns,
//   d0[t] = (1/T) / (Σ_e d1[e]·K[t,e] + 1e-8),   d1[e] = (1/E) / (Σ_t d0[t]·K[t,e] + 1e-8),
// until the mean change of d1 is small: not above 1e-4.
//   megatron  starts from d1 = 1 and has no limit (Megatron-LM, megatron/core/transformer/moe/moe_utils.py).
//   gpt_neox  starts from d1[e] = 1 / (E·Σ_t K[t,e]) and also stops after so many rounds, 3
//             (EleutherAI/gpt-neox, megatron/model/router.py).
struct ScalingRule {
  bool starts_from_columns = false;  // gpt_neox
  bool must_converge = true;         // megatron: rounds are a limit, and reaching it is an error
  Index rounds = 0;
};

// [T,E], in float as the implementations have it; all sums in double. Throws Error(bad_data) where a logit is
// above 600, whose exp could overflow (in float32 it does above 88), and where megatron has not converged.
Matrix scale_rows_and_columns(const RouterInput& input, const ScalingRule& rule);

// The other way, in logarithms (lucidrains/sinkhorn-router-pytorch): ln max(z, 1e-10) / temperature + noise,
// then `rounds` times each expert's column and each token's row less its log-sum-exp. The logits themselves
// are taken for the matrix, so that all negative ones count the same.
struct LogScalingRule {
  Index rounds = 8;
  double temperature = 1.0;
  double gumbel_scale = 0.0;  // 0: no noise; else times −ln max(−ln max(u, 1e-10), 1e-10), u uniform
};

// [E,T']: T' is T rounded up to a multiple of E; the rows that fill up have ln 1e-10 everywhere before noise,
// take part in the scaling, and are 0 in the result. Noise is drawn by the token's place in the stream.
Matrix scale_logarithms(const RouterInput& input, const LogScalingRule& rule);

}  // namespace moesim
