#pragma once
// The selection stage of token-side routers: the k best experts, within the best groups of experts.
// Ties everywhere: the lowest index first.

#include <cstdint>
#include <span>
#include <vector>

#include "config/fields.h"
#include "core/matrix.h"

namespace moesim {

// What a group of experts is judged by (reference implementations in brackets).
enum class GroupScore {
  max,                    // its best score (DeepSeek-V2, arXiv:2405.04434)
  sum_top_2,              // the sum of its two best (DeepSeek-V3, arXiv:2412.19437)
  sum_top_k_over_groups,  // the sum of its best top_k / num_limited_groups, rounded down (Megatron-LM)
};

// What the scores of experts in other groups become. They differ as soon as a kept expert's selection score
// is below 0: with `zero` an excluded expert then wins.
enum class MaskFill {
  neg_inf,  // DeepSeek, Megatron-LM
  zero,     // transformers before 5.6, mlx-lm
};

std::span<const EnumName<GroupScore>> enum_names(GroupScore);
std::span<const EnumName<MaskFill>> enum_names(MaskFill);

// Groups are runs of neighbours: expert e is in group e / (E / num_groups).
struct GroupLimits {
  Index num_groups = 1;
  Index kept_groups = 1;
  Index summed = 1;  // how many of a group's best scores are summed, at most the group's size
  MaskFill fill = MaskFill::neg_inf;
};

enum class Select {
  top_k,      // the k best
  top_p,      // the best until their scores' sum exceeds top_p; the one that crosses it stays
  threshold,  // all above the threshold: none … E
  positive,   // all above 0 (ReMoE, arXiv:2412.14711)
};

std::span<const EnumName<Select>> enum_names(Select);

struct SelectRule {
  Select select = Select::top_k;
  Index top_k = 1;
  double top_p = 1.0;
  double threshold = 0.0;
};

// Memory for the rows of one block, so that no row allocates.
struct SelectScratch {
  std::vector<std::int32_t> order;   // [E]
  std::vector<float> members;        // [E / num_groups]
  std::vector<double> group_scores;  // [num_groups]
  std::vector<std::int32_t> chosen;  // [K], the row's choice
  bool tied = false;                 // the last one chosen equals the best one left out
};

// Overwrites the scores [E] of all experts outside the kept groups.
void limit_groups(const GroupLimits& limits, std::span<float> scores, SelectScratch& scratch);

// chosen [k]: the experts with the highest scores [E], best first; k <= E. Returns whether the last one
// chosen equals the best one left out.
bool select_top_k(std::span<const float> scores, std::span<std::int32_t> chosen, SelectScratch& scratch);

// Sets scratch.chosen (best selection score first) and scratch.tied. `scores` [E] are the unbiased ones,
// which top_p sums; an expert whose selection score is −infinity is never chosen by threshold or positive.
void select_experts(const SelectRule& rule, std::span<const float> selection, std::span<const float> scores,
                    SelectScratch& scratch);

}  // namespace moesim
