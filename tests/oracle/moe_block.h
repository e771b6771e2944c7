#pragma once
// Mixture-of-Experts blocks of published models, token by token in double, from the papers' equations and the
// models' reference code. Shares nothing with src.

#include <vector>

namespace moesim::testing {

using Row = std::vector<double>;
using Rows = std::vector<Row>;  // [out][in], as in y = W·x

struct NaiveFfn {
  Rows gate, up;                      // [F][D]
  Rows down;                          // [D][F]
  Row gate_bias, up_bias, down_bias;  // or empty
};

struct NaiveBlock {
  Rows gate;  // [E][D]
  Row gate_bias;
  Row selection_bias;
  std::vector<NaiveFfn> experts;
  int identity_experts = 0;  // behind the experts; they return their input
  NaiveFfn shared;           // no rows: none
  Row shared_gate;           // [D], or empty
  int top_k = 2;
};

struct NaiveOutput {
  Row y;
  std::vector<int> experts;  // best first
  Row weights;
  Row logits;
};

// One function for each way of routing; x has D numbers.
NaiveOutput mixtral_block(const NaiveBlock& block, const Row& x);  // also Qwen3-MoE, DBRX, Hunyuan-A13B
NaiveOutput olmoe_block(const NaiveBlock& block, const Row& x);    // also DeepSeekMoE, Jamba, Hunyuan-Large
NaiveOutput grok1_block(const NaiveBlock& block, const Row& x);    // gelu in the place of silu
NaiveOutput qwen2_moe_block(const NaiveBlock& block, const Row& x);
NaiveOutput granite_block(const NaiveBlock& block, const Row& x);
NaiveOutput deepseek_v2_block(const NaiveBlock& block, const Row& x, int groups, int kept, double scale);
NaiveOutput deepseek_v3_block(const NaiveBlock& block, const Row& x, int groups, int kept, double scale);
NaiveOutput minimax_m2_block(const NaiveBlock& block, const Row& x);
NaiveOutput ernie_block(const NaiveBlock& block, const Row& x);
NaiveOutput longcat_block(const NaiveBlock& block, const Row& x, double scale);
NaiveOutput gpt_oss_block(const NaiveBlock& block, const Row& x);
NaiveOutput llama4_block(const NaiveBlock& block, const Row& x);
NaiveOutput phimoe_block(const NaiveBlock& block, const Row& x, double jitter);

}  // namespace moesim::testing
