#pragma once
// Capacities, drops and re-routing again, written separately from the sources' own formulation: one column of
// the token-by-expert table after the other, in plain loops. The oracle that dispatch is compared with.

#include <cstdint>
#include <string>
#include <vector>

namespace moesim::testing {

struct NaiveClaim {
  int expert = 0;
  float weight = 0;
  float score = 0;
  std::uint64_t luck = 0;  // of the random rule: highest first
  double draw = 0;         // of the recycle rule: in [0, 1)
};

struct NaiveRouting {
  int num_experts = 1;
  std::vector<std::vector<NaiveClaim>> tokens;  // in the router's order
  std::vector<std::vector<float>> logits;       // [T][E], or empty
  std::vector<bool> exempt;                     // [T], or empty
};

// Words and numbers of a `capacity:` section.
struct NaiveRule {
  double factor = 1.25;
  std::string formula = "megatron";
  std::string rounding = "ceil";
  bool at_most_load = false;
  long min = -1;          // -1: the formula's own
  long multiple_of = -1;  // the same
  int group = 0;          // 0: all tokens
  std::string drop = "position_token_major";
  int devices = 1;
  int tries = 4;
  std::string renorm = "none";
  double renorm_eps = 0;
};

struct NaiveFate {
  int expert = -1;     // whose row; -1: none
  double weight = 0;   // of that row
  std::string reason;  // as the words of DropReason
};

long naive_capacity(const NaiveRule& rule, long tokens, long top_k, long experts, long max_load);

// [T][choices]
std::vector<std::vector<NaiveFate>> naive_plan(const NaiveRouting& routing, const NaiveRule& rule,
                                               long top_k);

}  // namespace moesim::testing
