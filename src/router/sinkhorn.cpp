// Sinkhorn: the batch's scores are scaled until tokens and experts share them equally, and the choice is made
// on what comes out (Clark et al. 2022, arXiv:2202.01169, S-BASE). sinkhorn_scaling.h has the scalings;
// `stop` names whose is meant:
//
// megatron, gpt_neox: a token takes its top_k best of the scaled matrix; the weights are those of the plain
// logits, sigmoid for top_k 1 and a softmax over all experts otherwise, not renormalised. In use (mode: eval)
// the best of these weights are taken. Megatron-LM, megatron/core/transformer/moe/router.py,
// sinkhorn_load_balancing; EleutherAI/gpt-neox, megatron/model/router.py.
//
// lucidrains: an expert takes its ⌈T/E⌉ best tokens of the scaled matrix. What it makes of them counts fully
// where the scaled value is above 0.5 and nothing elsewhere, times the sigmoid of the logit where
// `competitive` is false; a token's sum is divided by the number of its takers plus 1 (the zeros it starts
// from are part of the mean). In use, and for no more tokens than experts, a token takes its best logit, with
// weight 1 or the sigmoid. lucidrains/sinkhorn-router-pytorch, sinkhorn_router.py.
//
// Ties: the lowest expert, the lowest token. The scaling is done in double and compared in float.

#include "router/sinkhorn_scaling.h"

#include <algorithm>

#include "router/expert_side.h"
#include "router/relations.h"
#include "router/routing_mode.h"
#include "router/score.h"
#include "router/select.h"
#include "router/variants.h"

namespace moesim {
namespace {

enum class Stop { megatron, gpt_neox, lucidrains };

constexpr EnumName<Stop> kStops[] = {
    {Stop::megatron, "megatron"}, {Stop::gpt_neox, "gpt_neox"}, {Stop::lucidrains, "lucidrains"}};

std::span<const EnumName<Stop>> enum_names(Stop) {
  return kStops;
}

struct SinkhornParams {
  Stop stop = Stop::megatron;
  RoutingMode mode = RoutingMode::train;
  std::int64_t top_k = 1;
  std::int64_t max_iterations = 0;
  double temperature = 1.0;
  bool gumbel = false;
  double gumbel_scale = 1.0;
  bool competitive = true;

  bool trains() const { return mode == RoutingMode::train; }
  bool expert_side() const { return stop == Stop::lucidrains; }

  // auto for megatron: what takes some seconds. One token can take 1e6 rounds, see the tests.
  Index rounds(const RouterInput& input) const {
    if (max_iterations > 0) {
      return max_iterations;
    }
    switch (stop) {
      case Stop::megatron:
        return std::clamp<Index>((Index{1} << 32) / std::max<Index>(1, input.logits.rows * input.logits.cols),
                                 10'000, 1'000'000);
      case Stop::gpt_neox:
        return 3;
      case Stop::lucidrains:
        return 8;
    }
    return 0;
  }
};

void describe(Fields<SinkhornParams>& f) {
  using P = SinkhornParams;
  constexpr const char* kOthers = "only router.stop lucidrains, in mode train, has it";
  const auto scales_logarithms = [](const P& p) { return p.expert_side() && p.trains(); };
  f.add("stop", &P::stop).doc("whose scaling and choice");
  f.add("mode", &P::mode).doc("train: the scaled batch decides; eval: tokens take their best experts");
  f.add("top_k", &P::top_k)
      .range(1, 65536)
      .only_when([](const P& p) { return !p.expert_side(); }, "with router.stop lucidrains experts choose")
      .doc("experts per token");
  f.add("max_iterations", &P::max_iterations)
      .range(1, 1'000'000)
      .word("auto", 0)
      .only_when([](const P& p) { return p.trains(); }, "router.mode is eval")
      .doc(
          "rounds of scaling: gpt_neox stops after so many (auto: 3), lucidrains makes so many (auto: 8), "
          "megatron must have converged (auto: 10000 to 1000000, some seconds)");
  f.add("temperature", &P::temperature)
      .range(1e-3, 1e3)
      .only_when(scales_logarithms, kOthers)
      .doc("divides the logarithms before scaling");
  f.add("gumbel", &P::gumbel).only_when(scales_logarithms, kOthers).doc("add Gumbel noise before scaling");
  f.add("gumbel_scale", &P::gumbel_scale)
      .range(1e-6, 1e3)
      .only_when([](const P& p) { return p.gumbel; }, "router.gumbel is false")
      .doc("multiplies that noise");
  f.add("competitive", &P::competitive)
      .only_when([](const P& p) { return p.expert_side(); }, "only router.stop lucidrains has it")
      .doc("false: outputs are also multiplied by the sigmoid of the logit");
}

// megatron, gpt_neox.
class TokenSinkhorn final : public Router {
 public:
  TokenSinkhorn(const SinkhornParams& params, Index num_experts) : Router(num_experts), params_(params) {}

  RouterTraits traits() const override {
    RouterTraits traits;
    traits.top_k = params_.top_k;
    traits.causal = !params_.trains();
    traits.row_local = !params_.trains();
    // As long as a token's exponentials sum to much more than the 1e-8 that the scaling adds.
    traits.shift_invariant = params_.top_k > 1;
    return traits;
  }

 private:
  Routing do_route(const RouterInput& input) const override {
    Assignments out = exactly_k(num_experts(), input.batch.num_tokens(), params_.top_k);
    const ScalingRule rule{.starts_from_columns = params_.stop == Stop::gpt_neox,
                           .must_converge = params_.stop == Stop::megatron,
                           .rounds = params_.rounds(input)};
    const Matrix scaled = params_.trains() ? scale_rows_and_columns(input, rule) : Matrix();
    const ScoreFunc func = params_.top_k == 1 ? ScoreFunc::sigmoid : ScoreFunc::softmax;
    const auto top_k = static_cast<std::size_t>(params_.top_k);
    for_each_row_block(input.context, input.batch.num_tokens(), [&](Index first, Index last) {
      std::vector<float> scores(static_cast<std::size_t>(num_experts()));
      SelectScratch scratch;
      for (Index t = first; t < last; ++t) {
        score_row(func, input.logits.row(t), scores);
        const std::size_t at = static_cast<std::size_t>(t) * top_k;
        const std::span<std::int32_t> chosen(out.expert.data() + at, top_k);
        select_top_k(params_.trains() ? scaled.row(t) : std::span<const float>(scores), chosen, scratch);
        for (std::size_t j = 0; j < top_k; ++j) {
          out.score[at + j] = scores[static_cast<std::size_t>(chosen[j])];
        }
      }
    });
    out.weight = out.score;
    return out;
  }

  SinkhornParams params_;
};

// lucidrains.
class ExpertSinkhorn final : public Router {
 public:
  ExpertSinkhorn(const SinkhornParams& params, Index num_experts) : Router(num_experts), params_(params) {}

  RouterTraits traits() const override {
    RouterTraits traits;
    if (params_.trains()) {
      traits.choice = Choice::expert;
      traits.exact_k = false;
      traits.causal = false;
      traits.row_local = false;
      traits.stochastic = params_.gumbel;
      traits.expert_symmetric = !params_.gumbel;  // noise is drawn by the expert's index
      traits.takes_capacity = false;
    } else {
      traits.shift_invariant = params_.competitive;
    }
    return traits;
  }

 private:
  Routing do_route(const RouterInput& input) const override {
    const Index num_tokens = input.batch.num_tokens();
    if (!params_.trains() || num_tokens <= num_experts()) {
      return best_experts(input);
    }
    const LogScalingRule rule{.rounds = params_.rounds(input),
                              .temperature = params_.temperature,
                              .gumbel_scale = params_.gumbel ? params_.gumbel_scale : 0.0};
    const Matrix scaled = scale_logarithms(input, rule);
    Assignments out = assignments_of(take_best(scaled, scaled.cols() / num_experts(), input.context), scaled,
                                     input.context);
    out.begin.resize(static_cast<std::size_t>(num_tokens) + 1);  // rows that fill up are never taken
    weigh(input, out);
    return out;
  }

  // A token's taken values → weights.
  void weigh(const RouterInput& input, Assignments& out) const {
    for (Index t = 0; t < out.num_tokens(); ++t) {
      const auto first = static_cast<std::size_t>(out.begin[static_cast<std::size_t>(t)]);
      const auto last = static_cast<std::size_t>(out.begin[static_cast<std::size_t>(t) + 1]);
      for (std::size_t n = first; n < last; ++n) {
        const float gate = out.score[n] > 0.5F ? factor(input, t, out.expert[n]) : 0.0F;
        out.weight[n] = gate / static_cast<float>(last - first + 1);
      }
    }
  }

  float factor(const RouterInput& input, Index t, std::int32_t expert) const {
    if (params_.competitive) {
      return 1.0F;
    }
    float sigmoid = 0.0F;
    const auto e = static_cast<std::size_t>(expert);
    score_row(ScoreFunc::sigmoid, input.logits.row(t).subspan(e, 1), {&sigmoid, 1});
    return sigmoid;
  }

  Assignments best_experts(const RouterInput& input) const {
    Assignments out = exactly_k(num_experts(), input.batch.num_tokens(), 1);
    for (Index t = 0; t < out.num_tokens(); ++t) {
      const std::span<const float> row = input.logits.row(t);
      const auto best = std::max_element(row.begin(), row.end());
      const auto at = static_cast<std::size_t>(t);
      out.expert[at] = static_cast<std::int32_t>(best - row.begin());
      out.score[at] = *best;
      out.weight[at] = factor(input, t, out.expert[at]);
    }
    return out;
  }

  SinkhornParams params_;
};

std::unique_ptr<Router> make_sinkhorn(Binder& binder, const Node& section, const LayerShape& shape) {
  const std::size_t problems = binder.diagnostics.list().size();
  SinkhornParams params;
  bind_section(binder, &section, "router", params, kRouterReserved, families_with_key);
  if (!params.expert_side()) {
    RouterRelations(binder, section, shape.num_experts).check_top_k(params.top_k);
  }
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  if (params.expert_side()) {
    return std::make_unique<ExpertSinkhorn>(params, shape.num_experts);
  }
  return std::make_unique<TokenSinkhorn>(params, shape.num_experts);
}

}  // namespace

RouterFamily router_sinkhorn() {
  return {.name = "sinkhorn",
          .summary = "scores are scaled until tokens and experts share them equally",
          .origin = "S-BASE, Clark et al. 2022, arXiv:2202.01169; Megatron-LM, moe_utils.py",
          .fields = [] { return fields_of<SinkhornParams>().infos(); },
          .make = make_sinkhorn};
}

}  // namespace moesim
