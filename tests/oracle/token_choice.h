#pragma once
// Token choice, SparseMixer and top-any again, written separately: in double, in plain loops, one statement
// per sentence of the sources. The oracle that the real ones are compared with.

#include <string>
#include <vector>

namespace moesim::testing {

struct NaiveStages {
  std::string score_func = "softmax";
  std::string expert_bias_on = "score";
  int num_expert_groups = 1;
  int num_limited_groups = 1;
  std::string group_score = "max";
  std::string mask_fill = "neg_inf";
  std::string select = "top_k";
  std::string select_on = "score";
  int top_k = 2;
  double top_p = 0.4;
  double threshold = 0.5;
  bool softmax_after_top_k = false;
  bool route_norm = false;
  double norm_eps = 0.0;
  std::string norm_floor = "add";
  bool norm_single = true;
  double route_scale = 1.0;
  int weightless_experts = 0;

  // As the value of `router:` in a config; keys without effect left out.
  std::string section() const;
};

struct NaiveChoice {
  std::vector<int> expert;
  std::vector<double> weight;
  std::vector<double> score;
  bool ambiguous = false;  // two different numbers that were compared are too near for float
};

NaiveChoice naive_route(const NaiveStages& stages, const std::vector<float>& logits,
                        const std::vector<float>& bias);

// SparseMixer at inference (GRIN, arXiv:2409.12136; transformers phimoe); `top_k` picks.
NaiveChoice naive_sparsemixer(double jitter_eps, int top_k, const std::vector<float>& logits);

// Top-any (DynMoE, arXiv:2405.14297) on logits that are scaled cosines; thresholds in units of cosines.
NaiveChoice naive_top_any(double scale, const std::vector<double>& thresholds, bool fall_back,
                          const std::vector<float>& logits);

}  // namespace moesim::testing
