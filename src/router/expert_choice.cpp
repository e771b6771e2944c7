// Expert choice: every expert takes its C = max(1, ⌊T·factor/E⌋) best tokens (Zhou et al. 2022,
// arXiv:2202.09368, section 3.2, which leaves the rounding open: flaxformer rounds to the nearest and takes
// at least 4, vmoe rounds up to a multiple of 4, lingvo down, at least 4 and a multiple of 4). Loads are
// equal by construction; a token may get no expert or all of them; the choice looks at the whole batch, so it
// is not causal. The weight is the score, as it is. Ties: an expert takes the lowest token; within a token,
// best score first, then the lowest expert.

#include <algorithm>
#include <cmath>

#include "core/checked.h"
#include "router/rows.h"
#include "router/score.h"
#include "router/select.h"
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
    traits.score_func = params_.score_func;
    traits.causal = false;
    traits.row_local = false;
    traits.shift_invariant = params_.score_func == ScoreFunc::softmax;
    traits.takes_capacity = false;
    return traits;
  }

 private:
  Routing do_route(const RouterInput& input) const override {
    const Index num_tokens = input.batch.num_tokens();
    const Matrix scores = scores_by_expert(input);
    const std::vector<std::int32_t> taken = tokens_taken(scores, input.context);
    Assignments out = by_token(taken, scores, num_tokens);
    for_each_row_block(input.context, num_tokens, [&](Index first, Index last) {
      for (Index t = first; t < last; ++t) {
        order_token(out, static_cast<std::size_t>(t));
      }
    });
    out.weight = out.score;
    return out;
  }

  // C, at most T: an expert always has room for a token, so that small batches are routed too.
  Index capacity(Index num_tokens) const {
    const double wanted =
        static_cast<double>(num_tokens) * params_.factor / static_cast<double>(num_experts());
    return std::min(num_tokens, std::max<Index>(1, static_cast<Index>(wanted)));
  }

  // [E,T]: an expert's scores side by side.
  Matrix scores_by_expert(const RouterInput& input) const {
    const Index num_tokens = input.batch.num_tokens();
    Matrix scores(num_experts(), num_tokens);
    for_each_row_block(input.context, num_tokens, [&](Index first, Index last) {
      std::vector<float> row(static_cast<std::size_t>(num_experts()));
      for (Index t = first; t < last; ++t) {
        score_row(params_.score_func, input.logits.row(t), row);
        for (Index e = 0; e < num_experts(); ++e) {
          scores.row(e)[static_cast<std::size_t>(t)] = row[static_cast<std::size_t>(e)];
        }
      }
    });
    return scores;
  }

  // [E·C]: the tokens that each expert takes.
  std::vector<std::int32_t> tokens_taken(const Matrix& scores, const Context& context) const {
    const auto count = static_cast<std::size_t>(capacity(scores.cols()));
    std::vector<std::int32_t> taken(
        checked_mul(static_cast<std::uint64_t>(num_experts()), count, "the routing"));
    context.for_each_block(num_experts(), [&](Index e) {
      SelectScratch scratch;
      select_top_k(scores.row(e), {taken.data() + static_cast<std::size_t>(e) * count, count}, scratch);
    });
    return taken;
  }

  // Compressed rows by token; the experts of a token still in order of their index.
  Assignments by_token(const std::vector<std::int32_t>& taken, const Matrix& scores, Index num_tokens) const {
    Assignments out;
    out.num_experts = num_experts();
    out.begin.assign(static_cast<std::size_t>(num_tokens) + 1, 0);
    for (const std::int32_t t : taken) {
      ++out.begin[static_cast<std::size_t>(t) + 1];
    }
    for (std::size_t t = 1; t < out.begin.size(); ++t) {
      out.begin[t] += out.begin[t - 1];
    }
    out.expert.resize(taken.size());
    out.score.resize(taken.size());
    std::vector<Index> next(out.begin.begin(), out.begin.end() - 1);
    const std::size_t count = taken.size() / static_cast<std::size_t>(num_experts());
    for (std::size_t i = 0; i < taken.size(); ++i) {
      const auto expert = static_cast<std::int32_t>(i / count);
      const auto token = static_cast<std::size_t>(taken[i]);
      const auto at = static_cast<std::size_t>(next[token]++);
      out.expert[at] = expert;
      out.score[at] = scores.row(expert)[token];
    }
    return out;
  }

  // Insertion sort, stable: few experts take the same token, and they come in order of their index.
  static void order_token(Assignments& out, std::size_t t) {
    const auto begin = static_cast<std::size_t>(out.begin[t]);
    const auto end = static_cast<std::size_t>(out.begin[t + 1]);
    for (std::size_t i = begin; i < end; ++i) {
      for (std::size_t j = i; j > begin && out.score[j - 1] < out.score[j]; --j) {
        std::swap(out.score[j - 1], out.score[j]);
        std::swap(out.expert[j - 1], out.expert[j]);
      }
    }
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
