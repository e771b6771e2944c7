// Expert choice: every expert takes its C best tokens (Zhou et al. 2022, arXiv:2202.09368, section 3.2).
// Loads are equal by construction; a token may get no expert or all of them; the choice looks at the whole
// batch, so it is not causal. The weight is the score, as it is. Ties: an expert takes the lowest token;
// within a token, best score first, then the lowest expert.
//
// C is T·factor/E, which is seldom whole; `rounding` names whose rule is meant:
//   paper       down, at least 1 (the paper leaves it open)
//   flaxformer  to the nearest, halves to even, at least 4   (flaxformer/architectures/moe/moe_layers.py)
//   vmoe        up, then up to a multiple of 4               (vmoe/moe.py, compute_capacity)
//   lingvo      down, 4 where that is 0, then up to a multiple of 4 (lingvo/core/gshard_layers.py,
//               TokenShufflingOnlogitsV2)
//   mesh        down, at least 4                             (mesh_tensorflow/transformer/moe.py)
// always at most T.
//
// max_experts_per_token is section 3.3: capped_choice.h. softmax_over: tokens and divide_by_takers make it
// mesh-tensorflow's expert selection (moe.py, _expert_selection_gating): a softmax over the batch per expert,
// and weights over the number of experts that took the token.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "router/capped_choice.h"
#include "router/relations.h"
#include "router/score.h"
#include "router/variants.h"

namespace moesim {
namespace {

enum class Rounding { paper, flaxformer, vmoe, lingvo, mesh };
enum class SoftmaxOver { experts, tokens };

constexpr EnumName<Rounding> kRoundings[] = {{Rounding::paper, "paper"},
                                             {Rounding::flaxformer, "flaxformer"},
                                             {Rounding::vmoe, "vmoe"},
                                             {Rounding::lingvo, "lingvo"},
                                             {Rounding::mesh, "mesh"}};
constexpr EnumName<SoftmaxOver> kSoftmaxOvers[] = {{SoftmaxOver::experts, "experts"},
                                                   {SoftmaxOver::tokens, "tokens"}};

std::span<const EnumName<Rounding>> enum_names(Rounding) {
  return kRoundings;
}
std::span<const EnumName<SoftmaxOver>> enum_names(SoftmaxOver) {
  return kSoftmaxOvers;
}

struct ExpertChoiceParams {
  ScoreFunc score_func = ScoreFunc::softmax;
  SoftmaxOver softmax_over = SoftmaxOver::experts;
  double factor = 2.0;
  Rounding rounding = Rounding::paper;
  std::int64_t max_experts_per_token = 0;
  double cap_lambda = 0.001;
  std::int64_t cap_iterations = 100;
  bool divide_by_takers = false;

  bool capped() const { return max_experts_per_token > 0; }
  bool over_tokens() const { return score_func == ScoreFunc::softmax && softmax_over == SoftmaxOver::tokens; }
};

void describe(Fields<ExpertChoiceParams>& f) {
  using P = ExpertChoiceParams;
  constexpr const char* kNoCap = "router.max_experts_per_token is none";
  f.add("score_func", &P::score_func).doc("logits to scores");
  f.add("softmax_over", &P::softmax_over)
      .only_when([](const P& p) { return p.score_func == ScoreFunc::softmax; },
                 "router.score_func is not softmax")
      .doc("what a score is a share of: its token's experts, or its expert's tokens");
  f.add("factor", &P::factor)
      .range(0.001, 65536.0)
      .doc("experts per token on average, before the rounding of E·C/T");
  f.add("rounding", &P::rounding).doc("whose rule makes the whole number C of T·factor/E");
  f.add("max_experts_per_token", &P::max_experts_per_token)
      .range(1, 65536)
      .word("none", 0)
      .doc("no token is taken by more experts");
  f.add("cap_lambda", &P::cap_lambda)
      .range(1e-5, 1.0)
      .only_when([](const P& p) { return p.capped(); }, kNoCap)
      .doc("weight of the entropy in the problem that the cap poses");
  f.add("cap_iterations", &P::cap_iterations)
      .range(1, 1'000'000)
      .only_when([](const P& p) { return p.capped(); }, kNoCap)
      .doc("sweeps of the solver of that problem");
  f.add("divide_by_takers", &P::divide_by_takers)
      .doc("divide a token's weights by the number of experts that took it");
}

Index up_to_multiple_of_4(Index value) {
  return (value + 3) / 4 * 4;
}

// C before the bound by T.
Index rounded(Rounding rounding, double wanted) {
  switch (rounding) {
    case Rounding::paper:
      return std::max<Index>(1, static_cast<Index>(wanted));
    case Rounding::flaxformer:
      return std::max<Index>(4, static_cast<Index>(std::nearbyint(wanted)));
    case Rounding::vmoe:
      return up_to_multiple_of_4(static_cast<Index>(std::ceil(wanted)));
    case Rounding::lingvo:
      return up_to_multiple_of_4(std::max<Index>(1, static_cast<Index>(wanted)));
    case Rounding::mesh:
      return std::max<Index>(4, static_cast<Index>(wanted));
  }
  return 1;
}

// Σ_t of an expert's scores [T] becomes 1; sums in double.
void softmax_of(std::span<float> scores) {
  if (!scores.empty()) {
    score_row(ScoreFunc::softmax, scores, scores);
  }
}

class ExpertChoice final : public Router {
 public:
  ExpertChoice(const ExpertChoiceParams& params, Index num_experts) : Router(num_experts), params_(params) {}

  RouterTraits traits() const override {
    RouterTraits traits;
    traits.choice = Choice::expert;
    traits.top_k = std::clamp<Index>(std::llround(params_.factor), 1, std::max<Index>(1, num_experts()));
    traits.exact_k = false;
    traits.score_func = params_.score_func;
    traits.causal = false;
    traits.row_local = false;
    traits.most_experts = params_.max_experts_per_token;
    traits.expert_symmetric = !params_.capped();  // in order of their index they take what others leave
    traits.shift_invariant = params_.score_func == ScoreFunc::softmax && !params_.over_tokens();
    traits.takes_capacity = false;
    return traits;
  }

 private:
  Routing do_route(const RouterInput& input) const override {
    const Matrix scores = scores_by_expert(input);
    const Index count = capacity(scores.cols());
    const TakenTokens taken = params_.capped() ? take_best_capped(scores,
                                                                  {.per_expert = count,
                                                                   .per_token = params_.max_experts_per_token,
                                                                   .lambda = params_.cap_lambda,
                                                                   .sweeps = params_.cap_iterations},
                                                                  input.context)
                                               : take_best(scores, count, input.context);
    Assignments out = assignments_of(taken, scores, input.context);
    if (params_.divide_by_takers) {
      divide_weights(out);
    }
    return out;
  }

  Matrix scores_by_expert(const RouterInput& input) const {
    const ScoreFunc func = params_.over_tokens() ? ScoreFunc::raw : params_.score_func;
    Matrix scores =
        numbers_by_expert(input.context, num_experts(), input.batch.num_tokens(),
                          [&](Index t, std::span<float> row) { score_row(func, input.logits.row(t), row); });
    if (params_.over_tokens()) {
      input.context.for_each_block(num_experts(), [&](Index e) { softmax_of(scores.row(e)); });
    }
    return scores;
  }

  static void divide_weights(Assignments& out) {
    for (std::size_t t = 0; t + 1 < out.begin.size(); ++t) {
      const auto takers = static_cast<float>(out.begin[t + 1] - out.begin[t]);
      for (Index n = out.begin[t]; n < out.begin[t + 1]; ++n) {
        out.weight[static_cast<std::size_t>(n)] /= takers;
      }
    }
  }

  Index capacity(Index num_tokens) const {
    const double wanted =
        static_cast<double>(num_tokens) * params_.factor / static_cast<double>(num_experts());
    return std::min(num_tokens, rounded(params_.rounding, std::min(wanted, static_cast<double>(num_tokens))));
  }

  ExpertChoiceParams params_;
};

void check_cap(const RouterRelations& relations, Binder& binder, const ExpertChoiceParams& p) {
  if (p.capped() && relations.sound({"factor", "max_experts_per_token"}) &&
      p.factor > static_cast<double>(p.max_experts_per_token)) {
    binder.error("router.factor", relations.got("factor", print_real(p.factor)),
                 fmt::format("at most {}, as no token is taken by more experts", p.max_experts_per_token),
                 "bad-relation", "",
                 {relations.note("max_experts_per_token", std::to_string(p.max_experts_per_token))});
  }
}

std::unique_ptr<Router> make_expert_choice(Binder& binder, const Node& section, const LayerShape& shape) {
  const std::size_t problems = binder.diagnostics.list().size();
  ExpertChoiceParams params;
  bind_section(binder, &section, "router", params, kRouterReserved, families_with_key);
  check_cap(RouterRelations(binder, section, shape.num_experts), binder, params);
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  return std::make_unique<ExpertChoice>(params, shape.num_experts);
}

}  // namespace

RouterFamily router_expert_choice() {
  return {.name = "expert_choice",
          .summary = "every expert takes its best tokens, all experts equally many",
          .origin = "Zhou et al. 2022, arXiv:2202.09368, sections 3.2 and 3.3; mesh-tensorflow, moe.py",
          .fields = [] { return fields_of<ExpertChoiceParams>().infos(); },
          .make = make_expert_choice};
}

}  // namespace moesim
