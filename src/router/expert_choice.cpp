// Expert choice: every expert takes its C = max(1, ⌊T·factor/E⌋) best tokens (Zhou et al. 2022,
// arXiv:2202.09368, section 3.2, which leaves the rounding open: flaxformer rounds to the nearest and takes
// at least 4, vmoe rounds up to a multiple of 4, lingvo down, at least 4 and a multiple of 4). Loads are
// equal by construction; a token may get no expert or all of them; the choice looks at the whole batch, so it
// is not causal. The weight is the score, as it is. Ties: an expert takes the lowest token; within a token,
// best score first, then the lowest expert.

#include <algorithm>
#include <cmath>

#include "router/expert_side.h"
#include "router/score.h"
#include "router/variants.h"

namespace moesim {
namespace {

struct ExpertChoiceParams {
  ScoreFunc score_func = ScoreFunc::softmax;
  double factor = 2.0;
};

void describe(Fields<ExpertChoiceParams>& f) {
  f.add("score_func", &ExpertChoiceParams::score_func).doc("logits to scores");
  f.add("factor", &ExpertChoiceParams::factor)
      .range(0.001, 65536.0)
      .doc("experts per token on average, before the rounding of E·C/T");
}

class ExpertChoice final : public Router {
 public:
  ExpertChoice(const ExpertChoiceParams& params, Index num_experts) : Router(num_experts), params_(params) {}

  RouterTraits traits() const override {
    RouterTraits traits;
    traits.choice = Choice::expert;
    traits.top_k = std::clamp<Index>(std::llround(params_.factor), 1, std::max<Index>(1, num_experts()));
    traits.exact_k = false;
    traits.causal = false;
    traits.row_local = false;
    traits.shift_invariant = params_.score_func == ScoreFunc::softmax;
    traits.takes_capacity = false;
    return traits;
  }

 private:
  Routing do_route(const RouterInput& input) const override {
    const Index num_tokens = input.batch.num_tokens();
    const Matrix scores = numbers_by_expert(
        input.context, num_experts(), num_tokens,
        [&](Index t, std::span<float> row) { score_row(params_.score_func, input.logits.row(t), row); });
    return assignments_of(take_best(scores, capacity(num_tokens), input.context), scores, input.context);
  }

  // C, at most T: an expert always has room for a token, so that small batches are routed too.
  Index capacity(Index num_tokens) const {
    const double wanted =
        static_cast<double>(num_tokens) * params_.factor / static_cast<double>(num_experts());
    return std::min(num_tokens, std::max<Index>(1, static_cast<Index>(wanted)));
  }

  ExpertChoiceParams params_;
};

std::unique_ptr<Router> make_expert_choice(Binder& binder, const Node& section, const LayerShape& shape) {
  const std::size_t problems = binder.diagnostics.list().size();
  ExpertChoiceParams params;
  bind_section(binder, &section, "router", params, kRouterReserved, families_with_key);
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  return std::make_unique<ExpertChoice>(params, shape.num_experts);
}

}  // namespace

RouterFamily router_expert_choice() {
  return {.name = "expert_choice",
          .summary = "every expert takes its best tokens, all experts equally many",
          .origin = "Zhou et al. 2022, arXiv:2202.09368, section 3.2",
          .fields = [] { return fields_of<ExpertChoiceParams>().infos(); },
          .make = make_expert_choice};
}

}  // namespace moesim
