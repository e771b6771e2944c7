// The drop rules: names, sources, and what each is made of. Choice c of a token is its assignment number c,
// in the router's order. Equal keys: the lowest expert, then the lowest token.

#include <array>

#include "core/error.h"
#include "dispatch/drop.h"

namespace moesim {
namespace {

constexpr std::array<DropRuleInfo, 9> kRules{{
    {DropRule::position_token_major, "position_token_major",
     "(t0,c0) (t0,c1) (t1,c0) …: the plain loop over tokens",
     "AI-Hypercomputer/maxtext src/maxtext/layers/moe.py generate_masks; DeepSpeed topkgating, drop_policy "
     "position"},
    {DropRule::position_k_major, "position_k_major", "all first choices by token, then all second choices …",
     "Lepikhin et al. 2020, arXiv:2006.16668, algorithm 1; mesh-tensorflow _top_2_gating, Tutel, DeepSpeed "
     "top2gating"},
    {DropRule::batch_prioritised, "batch_prioritised",
     "as position_k_major, but tokens by their best score, highest first",
     "Riquelme et al. 2021, arXiv:2106.05974, section 4.1; google-research/vmoe vmoe/moe.py"},
    {DropRule::expert_weight, "expert_weight",
     "each expert keeps the assignments of highest weight; with one choice and its score as weight this is "
     "mesh-tensorflow's switch_max",
     "NVIDIA/Megatron-LM moe_utils.py apply_router_token_dropping, probs; tensorflow/mesh moe.py "
     "_switch_max_gating"},
    {DropRule::random, "random", "a seeded random order",
     "deepspeedai/DeepSpeed sharded_moe.py top1gating, use_rts"},
    {DropRule::deepspeed_probs, "deepspeed_probs",
     "each expert takes the tokens of highest score, all tokens of the group included: those that did not "
     "ask "
     "score 0, so that a score of 0 or less may lose its place to nobody",
     "deepspeedai/DeepSpeed sharded_moe.py topkgating, probs, 0.19.6: probabilities; until 0.18.9 raw "
     "logits, "
     "of which half are below 0 (853c938)"},
    {DropRule::device_level, "device_level",
     "the room belongs to devices; each drops its lowest scores, exempt sequences excepted",
     "DeepSeek-V2, arXiv:2405.04434, section 2.2.4"},
    {DropRule::recycle, "recycle",
     "as position_k_major; what was refused draws, each free row equally likely, a row of another expert",
     "Hunyuan-Large, arXiv:2411.02265, section 2.2.3; Tencent-Hunyuan-Large models/modeling_hunyuan.py "
     "top1gating, random_routing_dropped_token"},
    {DropRule::ntlb, "ntlb",
     "as position_k_major; what was refused asks the token's next best experts, `tries` experts in all",
     "tensorflow/mesh mesh_tensorflow/transformer/moe.py _ntlb_gating (no token left behind), 4 tries"},
}};

constexpr auto make_names() {
  std::array<EnumName<DropRule>, kRules.size()> names{};
  for (std::size_t i = 0; i < kRules.size(); ++i) {
    names[i] = {kRules[i].rule, kRules[i].name};
  }
  return names;
}

}  // namespace

std::span<const DropRuleInfo> drop_rules() {
  return kRules;
}

std::span<const EnumName<DropRule>> enum_names(DropRule) {
  static constexpr auto kNames = make_names();
  return kNames;
}

Places places_of(const CapacityRule& rule, Index num_experts) {
  if (rule.drop != DropRule::device_level) {
    return {.experts_each = 1, .count = num_experts};
  }
  MOESIM_CHECK(rule.devices >= 1 && num_experts % rule.devices == 0,
               "devices that do not divide the experts");
  return {.experts_each = num_experts / rule.devices, .count = rule.devices};
}

void place_group(const DropInput& input, const ClaimGroup& group, Placement& placement) {
  const std::vector<Index> order = claim_order(input, group);
  const Claims claims{.input = input, .group = group, .order = order};
  switch (input.rule.drop) {
    case DropRule::position_token_major:
    case DropRule::position_k_major:
    case DropRule::batch_prioritised:
    case DropRule::expert_weight:
    case DropRule::random:
      return grant_in_order(claims, placement);
    case DropRule::deepspeed_probs:
      return grant_among_all_tokens(claims, placement);
    case DropRule::device_level:
      return grant_with_exempt(claims, placement);
    case DropRule::recycle:
      grant_in_order(claims, placement);
      return recycle_refused(claims, placement);
    case DropRule::ntlb:
      grant_in_order(claims, placement);
      return try_next_best(claims, placement);
  }
  throw_internal(__FILE__, __LINE__, "an unknown drop rule");
}

}  // namespace moesim
