// Token choice: every token takes its top_k best experts.
//
//   logit z → score s → selection score (s + bias, or the score of z + bias) → group limits → top k → weights
//
// Where a state scales too, s·scale + bias and z·scale + bias stand for the sums.
//
// Shazeer et al. 2017 (arXiv:1701.06538, without the noise), Switch (arXiv:2101.03961, top_k 1), Mixtral
// (arXiv:2401.04088), DeepSeek-V2 and V3 (arXiv:2405.04434, 2412.19437 eq. 12-16: sigmoid, selection bias,
// groups). Rules stated once for all stages:
// - the bias chooses and never weighs: weights and `score` are of the unbiased logits;
// - assignments stand in selection order, best selection score first, ties by the lowest expert;
// - renormalising comes before any drop, and divides for top_k 1 too (the weight is then always route_scale).

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "router/relations.h"
#include "router/rows.h"
#include "router/score.h"
#include "router/select.h"
#include "router/variants.h"
#include "router/weight.h"

namespace moesim {
namespace {

enum class Logit { linear, linear_bias };
enum class BiasOn { score, logit };

constexpr EnumName<Logit> kLogits[] = {{Logit::linear, "linear"}, {Logit::linear_bias, "linear_bias"}};
constexpr EnumName<BiasOn> kBiasOns[] = {{BiasOn::score, "score"}, {BiasOn::logit, "logit"}};

std::span<const EnumName<Logit>> enum_names(Logit) {
  return kLogits;
}
std::span<const EnumName<BiasOn>> enum_names(BiasOn) {
  return kBiasOns;
}

constexpr double kLargestBias = 1e6;

struct TokenChoiceParams {
  Logit logit = Logit::linear;
  ScoreFunc score_func = ScoreFunc::softmax;
  std::vector<double> expert_bias;
  BiasOn expert_bias_on = BiasOn::score;
  std::int64_t num_expert_groups = 1;
  std::int64_t num_limited_groups = 1;
  GroupScore group_score = GroupScore::max;
  MaskFill mask_fill = MaskFill::neg_inf;
  std::int64_t top_k = 2;
  bool softmax_after_top_k = false;
  bool route_norm = false;
  double norm_eps = 0.0;
  double route_scale = 1.0;
  WeightOn weight_on = WeightOn::output;

  bool grouped() const { return num_expert_groups > 1; }
  // Whether some group is left out.
  bool limited() const { return grouped() && num_limited_groups < num_expert_groups; }
  bool renormalised() const { return route_norm && !softmax_after_top_k; }
};

void describe(Fields<TokenChoiceParams>& f) {
  using P = TokenChoiceParams;
  constexpr const char* kOneGroup = "there is one group (router.num_expert_groups is 1)";
  constexpr const char* kAllKept = "no group of experts is left out";
  f.add("logit", &P::logit).doc("how the gate makes logits: without or with a bias of its own");
  f.add("score_func", &P::score_func).doc("logits to scores");
  f.add("expert_bias", &P::expert_bias).doc("one number per expert, added for selection only");
  f.add("expert_bias_on", &P::expert_bias_on)
      .only_when([](const P& p) { return !p.expert_bias.empty(); }, "there is no router.expert_bias")
      .doc("whether the bias is added to the score or to the logit");
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
  f.add("top_k", &P::top_k).range(1, 65536).doc("experts per token");
  f.add("softmax_after_top_k", &P::softmax_after_top_k).doc("weights are a softmax over the chosen logits");
  f.add("route_norm", &P::route_norm)
      .only_when([](const P& p) { return !p.softmax_after_top_k; },
                 "a softmax over the chosen logits already sums to 1 (router.softmax_after_top_k is true)")
      .doc("divide weights by their sum, before any drop");
  f.add("norm_eps", &P::norm_eps)
      .range(0.0, 1.0)
      .only_when([](const P& p) { return p.renormalised(); }, "no sum is divided by (router.route_norm)")
      .doc("added to that sum");
  f.add("route_scale", &P::route_scale).range(1e-6, 1e6).doc("multiplies all weights");
  f.add("weight_on", &P::weight_on).doc("what the weight multiplies: the expert's output or its input");
}

void check_bias(const RouterRelations& relations, Binder& binder, const TokenChoiceParams& p,
                Index num_experts) {
  if (!relations.sound({"expert_bias"}) || p.expert_bias.empty()) {
    return;
  }
  if (static_cast<Index>(p.expert_bias.size()) != num_experts) {
    binder.error("router.expert_bias", fmt::format("got {} numbers", p.expert_bias.size()),
                 fmt::format("{} numbers, one per expert", num_experts), "wrong-length", "",
                 {relations.note_num_experts()});
  }
  for (const double bias : p.expert_bias) {
    if (std::abs(bias) > kLargestBias) {
      binder.error("router.expert_bias", "got " + print_real(bias), "numbers from -1e6 to 1e6",
                   "out-of-range");
    }
  }
}

// The divisors of `whole` on either side of `wanted`: "2 or 4".
std::string nearest_divisors(Index wanted, Index whole) {
  Index below = std::min(wanted, whole);
  while (whole % below != 0) {
    --below;
  }
  Index above = wanted;
  while (above < whole && whole % above != 0) {
    ++above;
  }
  return wanted > whole ? std::to_string(below) : fmt::format("{} or {}", below, above);
}

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

void check_relations(Binder& binder, const Node& section, const TokenChoiceParams& p, Index num_experts) {
  const RouterRelations relations(binder, section, num_experts);
  relations.check_top_k(p.top_k);
  check_bias(relations, binder, p, num_experts);
  check_groups(relations, binder, p, num_experts);
  if (p.renormalised() && p.score_func == ScoreFunc::raw && relations.sound({"route_norm", "score_func"})) {
    binder.error("router.route_norm", relations.got("route_norm", "true"),
                 "false, as raw scores may sum to 0 or less", "bad-relation",
                 "write softmax_after_top_k: true instead, or choose another score_func",
                 {relations.note("score_func", "raw")});
  }
}

GroupLimits limits_of(const TokenChoiceParams& p) {
  GroupLimits limits{.num_groups = p.num_expert_groups, .kept_groups = 1, .summed = 1, .fill = p.mask_fill};
  limits.kept_groups = p.grouped() ? p.num_limited_groups : 1;
  switch (p.group_score) {
    case GroupScore::max:
      limits.summed = 1;
      break;
    case GroupScore::sum_top_2:
      limits.summed = 2;
      break;
    case GroupScore::sum_top_k_over_groups:
      limits.summed = p.top_k / limits.kept_groups;
      break;
  }
  return limits;
}

// Memory of one block of rows.
struct Scratch {
  Scratch(Index num_experts, Index top_k)
      : scores(static_cast<std::size_t>(num_experts)),
        selection(static_cast<std::size_t>(num_experts)),
        chosen_logits(static_cast<std::size_t>(top_k)) {}
  std::vector<float> scores;         // [E] of the logits
  std::vector<float> selection;      // [E] biased and masked
  std::vector<float> chosen_logits;  // [K]
  SelectScratch select;
};

class TokenChoice final : public Router {
 public:
  TokenChoice(const TokenChoiceParams& params, Index num_experts)
      : Router(num_experts),
        params_(params),
        limits_(limits_of(params)),
        weights_{.softmax_selected = params.softmax_after_top_k,
                 .renormalise = params.renormalised(),
                 .norm_eps = params.norm_eps,
                 .route_scale = params.route_scale} {}

  RouterTraits traits() const override {
    RouterTraits traits;
    traits.top_k = params_.top_k;
    traits.normalised = params_.softmax_after_top_k || params_.renormalised();
    traits.weight_sum = params_.route_scale;
    // A millionth of the sum is what norm_eps may take before it counts.
    traits.normalised_above =
        params_.softmax_after_top_k ? -std::numeric_limits<double>::infinity() : params_.norm_eps * 1e6;
    traits.uses_bias = true;
    traits.bias_unit = params_.expert_bias_on == BiasOn::logit ? BiasUnit::logit : BiasUnit::score;
    traits.shift_invariant = params_.score_func == ScoreFunc::softmax ||
                             (params_.score_func == ScoreFunc::raw && params_.softmax_after_top_k &&
                              !(params_.limited() && params_.mask_fill == MaskFill::zero));
    traits.expert_symmetric = !params_.limited();
    return traits;
  }

  std::vector<float> initial_bias() const override {
    return {params_.expert_bias.begin(), params_.expert_bias.end()};
  }
  void score(std::span<const float> logits, std::span<float> scores) const override {
    score_row(params_.score_func, logits, scores);
  }
  bool gate_has_bias() const override { return params_.logit == Logit::linear_bias; }

 private:
  Routing do_route(const RouterInput& input) const override {
    Assignments out = exactly_k(num_experts(), input.batch.num_tokens(), params_.top_k);
    out.weight_on = params_.weight_on;
    for_each_row_block(input.context, input.batch.num_tokens(), [&](Index first, Index last) {
      Scratch scratch(num_experts(), params_.top_k);
      for (Index t = first; t < last; ++t) {
        route_row(input, t, scratch, out);
      }
    });
    return out;
  }

  void route_row(const RouterInput& input, Index t, Scratch& scratch, Assignments& out) const {
    const std::span<const float> logits = input.logits.row(t);
    score_row(params_.score_func, logits, scratch.scores);
    make_selection(logits, input.state, scratch);
    const auto top_k = static_cast<std::size_t>(params_.top_k);
    const std::size_t at = static_cast<std::size_t>(t) * top_k;
    const std::span<std::int32_t> chosen(out.expert.data() + at, top_k);
    const std::span<float> chosen_scores(out.score.data() + at, top_k);
    select_top_k(scratch.selection, chosen, scratch.select);
    for (std::size_t j = 0; j < top_k; ++j) {
      chosen_scores[j] = scratch.scores[static_cast<std::size_t>(chosen[j])];
      scratch.chosen_logits[j] = logits[static_cast<std::size_t>(chosen[j])];
    }
    make_weights(weights_, {chosen_scores, scratch.chosen_logits}, {out.weight.data() + at, top_k});
  }

  void make_selection(std::span<const float> logits, const RouterState& state, Scratch& scratch) const {
    const bool steered = !state.expert_bias.empty() || !state.expert_scale.empty();
    const bool on_logit = steered && params_.expert_bias_on == BiasOn::logit;
    std::vector<float>& selection = scratch.selection;
    if (on_logit) {
      std::copy(logits.begin(), logits.end(), selection.begin());
    } else {
      selection = scratch.scores;
    }
    if (!state.expert_scale.empty()) {
      std::transform(selection.begin(), selection.end(), state.expert_scale.begin(), selection.begin(),
                     std::multiplies<>());
    }
    if (!state.expert_bias.empty()) {
      std::transform(selection.begin(), selection.end(), state.expert_bias.begin(), selection.begin(),
                     std::plus<>());
    }
    if (on_logit) {
      score_row(params_.score_func, selection, selection);
    }
    limit_groups(limits_, selection, scratch.select);
  }

  TokenChoiceParams params_;
  GroupLimits limits_;
  WeightRule weights_;
};

std::unique_ptr<Router> make_token_choice(Binder& binder, const Node& section, const LayerShape& shape) {
  const std::size_t problems = binder.diagnostics.list().size();
  TokenChoiceParams params;
  bind_section(binder, &section, "router", params, kRouterReserved, families_with_key);
  check_relations(binder, section, params, shape.num_experts);
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  return std::make_unique<TokenChoice>(params, shape.num_experts);
}

}  // namespace

RouterFamily router_token_choice() {
  return {.name = "token_choice",
          .summary = "every token takes its top_k best experts",
          .origin = "Shazeer et al. 2017, arXiv:1701.06538; DeepSeek-V3, arXiv:2412.19437, eq. 12-16",
          .fields = [] { return fields_of<TokenChoiceParams>().infos(); },
          .make = make_token_choice};
}

}  // namespace moesim
