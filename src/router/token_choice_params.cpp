#include "router/token_choice_params.h"

#include <fmt/format.h>

#include <algorithm>

#include "router/relations.h"

namespace moesim {
namespace {

constexpr EnumName<BiasOn> kBiasOns[] = {
    {BiasOn::score, "score"}, {BiasOn::logit, "logit"}, {BiasOn::none, "none"}};
constexpr EnumName<SelectOn> kSelectOns[] = {{SelectOn::score, "score"}, {SelectOn::logit, "logit"}};

constexpr double kLargest = 1e6;

}  // namespace

std::span<const EnumName<BiasOn>> enum_names(BiasOn) {
  return kBiasOns;
}

std::span<const EnumName<SelectOn>> enum_names(SelectOn) {
  return kSelectOns;
}

void describe(Fields<TokenChoiceParams>& f) {
  using P = TokenChoiceParams;
  constexpr const char* kOneGroup = "there is one group (router.num_expert_groups is 1)";
  constexpr const char* kAllKept = "no group of experts is left out";
  const auto noisy = [](const P& p) { return p.noise != Noise::none; };
  constexpr const char* kNoNoise = "router.noise is none";
  describe_gate(f);
  f.add("noise", &P::noise).doc("added to the logits, as in training, or put in their place");
  f.add("noise_scale", &P::noise_scale)
      .range(1e-9, 1e6)
      .word("auto", 0.0)
      .only_when(noisy, kNoNoise)
      .doc("multiplies the noise; auto: 1/num_experts for gaussian, 0.1 for uniform, else 1");
  f.add("noise_for", &P::noise_for)
      .only_when(noisy, kNoNoise)
      .doc("what sees the noise: the scores and so the weights, or the selection alone");
  f.add("noise_skew", &P::noise_skew)
      .range(0.0, 1e6)
      .only_when([](const P& p) { return p.noise == Noise::replace; }, "router.noise is not replace")
      .doc("deviation of a fixed number per expert: a skew of the loads that is known");
  f.add("score_func", &P::score_func).doc("logits to scores");
  f.add("select_on", &P::select_on).doc("what experts are chosen by: scores, or the logits themselves");
  f.add("expert_bias", &P::expert_bias)
      .only_when([](const P& p) { return p.expert_bias_on != BiasOn::none; }, "router.expert_bias_on is none")
      .doc("one number per expert, added for selection only");
  // Has an effect without a bias here, too: controllers and `route --bias` bring one.
  f.add("expert_bias_on", &P::expert_bias_on)
      .doc("whether the bias is added to the score or to the logit, or ignored (as some programs do)");
  f.add("num_expert_groups", &P::num_expert_groups).range(1, 65536).doc("groups of neighbouring experts");
  f.add("num_limited_groups", &P::num_limited_groups)
      .range(1, 65536)
      .only_when([](const P& p) { return p.grouped(); }, kOneGroup)
      .doc("groups a token may choose from");
  f.add("group_score", &P::group_score)
      .only_when([](const P& p) { return p.limited(); }, kAllKept)
      .doc("what groups are judged by");
  f.add("mask_fill", &P::mask_fill)
      .only_when([](const P& p) { return p.limited(); }, kAllKept)
      .doc("what the scores of other groups become");
  f.add("select", &P::select).doc("which experts a token takes");
  f.add("top_k", &P::top_k)
      .range(1, 65536)
      .doc("experts per token; with another selection than top_k what budgets and capacities reckon with");
  f.add("top_p", &P::top_p)
      .range(0.0, 1.0)
      .only_when([](const P& p) { return p.select == Select::top_p; }, "router.select is not top_p")
      .doc("experts are taken, best first, until their scores sum to more than this");
  f.add("threshold", &P::threshold)
      .range(-kLargest, kLargest)
      .only_when([](const P& p) { return p.select == Select::threshold; }, "router.select is not threshold")
      .doc("experts whose selection score is above it are taken");
  f.add("second_policy", &P::second_policy)
      .only_when([](const P& p) { return p.select == Select::top_k && p.top_k == 2; },
                 "there are not two experts a token")
      .doc("what becomes of a token's second expert");
  f.add("second_threshold", &P::second_threshold)
      .range(0.0, 1.0)
      .only_when(
          [](const P& p) {
            return p.second_policy == SecondPolicy::threshold || p.second_policy == SecondPolicy::random;
          },
          "router.second_policy is neither threshold nor random")
      .doc("the weight a second expert needs; for random, to be asked always");
  f.add("softmax_after_top_k", &P::softmax_after_top_k).doc("weights are a softmax over the chosen logits");
  f.add("route_norm", &P::route_norm)
      .only_when([](const P& p) { return !p.softmax_after_top_k; },
                 "a softmax over the chosen logits already sums to 1 (router.softmax_after_top_k is true)")
      .doc("divide weights by their sum, before any drop");
  const auto divides = [](const P& p) { return p.renormalised(); };
  constexpr const char* kNoDivision = "no sum is divided by (router.route_norm)";
  f.add("norm_eps", &P::norm_eps)
      .range(0.0, 1.0)
      .only_when(divides, kNoDivision)
      .doc("keeps that sum from being 0");
  f.add("norm_floor", &P::norm_floor)
      .only_when(divides, kNoDivision)
      .doc("whether norm_eps is added to the sum or is the least it may be");
  f.add("norm_single", &P::norm_single)
      .only_when(divides, kNoDivision)
      .doc("false: a single expert keeps its score (Megatron-LM)");
  f.add("route_scale", &P::route_scale).range(1e-6, 1e6).doc("multiplies all weights");
  f.add("expert_scale", &P::expert_scale).doc("one number per expert, multiplies its weights");
  f.add("weightless_experts", &P::weightless_experts)
      .range(0, 65536)
      .only_when([](const P& p) { return !p.softmax_after_top_k; },
                 "weights are a softmax over the chosen logits (router.softmax_after_top_k)")
      .doc("so many experts at the end of the pool weigh 0 before sums are made (zero and null experts)");
  f.add("weight_on", &P::weight_on).doc("what the weight multiplies: the expert's output or its input");
}

namespace {

// True when the groups are sound: they divide the experts and not more are kept than there are.
bool check_group_counts(const RouterRelations& relations, Binder& binder, const TokenChoiceParams& p,
                        Index num_experts) {
  if (num_experts % p.num_expert_groups != 0) {
    const std::string nearest = nearest_divisors(p.num_expert_groups, num_experts);
    binder.error("router.num_expert_groups",
                 relations.got("num_expert_groups", std::to_string(p.num_expert_groups)),
                 fmt::format("a divisor of {}", num_experts), "not-divisible", "write " + nearest,
                 {relations.note_num_experts()});
    return false;
  }
  if (p.num_limited_groups > p.num_expert_groups) {
    binder.error("router.num_limited_groups",
                 relations.got("num_limited_groups", std::to_string(p.num_limited_groups)),
                 whole_number_up_to(p.num_expert_groups), "out-of-range", "",
                 {relations.note("num_expert_groups", std::to_string(p.num_expert_groups))});
    return false;
  }
  return true;
}

void check_groups(const RouterRelations& relations, Binder& binder, const TokenChoiceParams& p,
                  Index num_experts) {
  if (!p.grouped() || !relations.sound({"num_expert_groups", "num_limited_groups"}) ||
      !check_group_counts(relations, binder, p, num_experts) || !p.limited() ||
      !relations.sound({"top_k", "group_score"})) {
    return;
  }
  const Index group_size = num_experts / p.num_expert_groups;
  const Index reachable = group_size * p.num_limited_groups;
  const auto note_kept = relations.note("num_limited_groups", std::to_string(p.num_limited_groups));
  if (p.top_k > reachable) {
    binder.error("router.top_k", relations.got("top_k", std::to_string(p.top_k)),
                 whole_number_up_to(reachable) + ", the experts in the kept groups", "out-of-range", "",
                 {note_kept, relations.note("num_expert_groups", std::to_string(p.num_expert_groups)),
                  relations.note_num_experts()});
  }
  const std::string got_score = relations.got("group_score", std::string(enum_text(p.group_score)));
  if (p.group_score == GroupScore::sum_top_2 && group_size < 2) {
    binder.error("router.group_score", got_score, "max, as a group holds 1 expert", "bad-relation",
                 "write max, or have groups of at least 2 experts",
                 {relations.note("num_expert_groups", std::to_string(p.num_expert_groups)),
                  relations.note_num_experts()});
  }
  if (p.group_score == GroupScore::sum_top_k_over_groups && p.top_k < p.num_limited_groups) {
    binder.error("router.group_score", got_score,
                 "max or sum_top_2, as top_k / num_limited_groups rounds down to 0 experts", "bad-relation",
                 "", {relations.note("top_k", std::to_string(p.top_k)), note_kept});
  }
}

// What the selections and the second policies ask of the scores.
void check_selection(const RouterRelations& relations, Binder& binder, const TokenChoiceParams& p) {
  if (p.select == Select::top_p && p.score_func != ScoreFunc::softmax &&
      relations.sound({"select", "score_func"})) {
    binder.error("router.select", relations.got("select", "top_p"),
                 "top_k, threshold or positive, as a share of the scores needs scores that sum to 1",
                 "bad-relation", "write score_func: softmax",
                 {relations.note("score_func", std::string(enum_text(p.score_func)))});
  }
  if (p.select == Select::top_k && p.top_k != 2 && p.second_policy != SecondPolicy::all &&
      relations.sound({"second_policy", "top_k"})) {
    binder.error("router.second_policy",
                 relations.got("second_policy", std::string(enum_text(p.second_policy))),
                 "all, as there are not two experts a token", "bad-relation", "write top_k: 2",
                 {relations.note("top_k", std::to_string(p.top_k))});
  }
  if (p.has_second_policy() && p.limited() && relations.sound({"second_policy", "num_limited_groups"})) {
    binder.error("router.second_policy",
                 relations.got("second_policy", std::string(enum_text(p.second_policy))),
                 "all, as groups of experts are left out", "bad-relation", "",
                 {relations.note("num_limited_groups", std::to_string(p.num_limited_groups))});
  }
}

}  // namespace

void check_relations(Binder& binder, const Node& section, const TokenChoiceParams& p, Index num_experts) {
  const RouterRelations relations(binder, section, num_experts);
  if (p.select == Select::top_k) {
    relations.check_top_k(p.top_k);
  }
  relations.check_list({"expert_bias", p.expert_bias, -kLargest});
  relations.check_list({"expert_scale", p.expert_scale, 0.0});
  if (p.weightless_experts >= num_experts && relations.sound({"weightless_experts"})) {
    binder.error("router.weightless_experts",
                 relations.got("weightless_experts", std::to_string(p.weightless_experts)),
                 fmt::format("a whole number below {}", num_experts), "out-of-range", "",
                 {relations.note_num_experts()});
  }
  check_groups(relations, binder, p, num_experts);
  check_selection(relations, binder, p);
  if (p.renormalised() && p.score_func == ScoreFunc::raw && relations.sound({"route_norm", "score_func"})) {
    binder.error("router.route_norm", relations.got("route_norm", "true"),
                 "false, as raw scores may sum to 0 or less", "bad-relation",
                 "write softmax_after_top_k: true instead, or choose another score_func",
                 {relations.note("score_func", "raw")});
  }
}

}  // namespace moesim
