#pragma once
// Token choice again, written separately: in double, in plain loops, one statement per sentence of
// docs/routers.md. The oracle that the real one is compared with.

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
  int top_k = 2;
  bool softmax_after_top_k = false;
  bool route_norm = false;
  double norm_eps = 0.0;
  double route_scale = 1.0;

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

}  // namespace moesim::testing
