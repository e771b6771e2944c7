// Quantile balancing without a fixed number of experts: a token goes to every expert whose score for it
// exceeds the quantile 1 − top_k/E of that expert's scores in the batch (Su 2026, kexue.fm/archives/11626):
// the linear assignment problem in which only the experts' loads are bound. Loads are equal; a token may get
// no expert or all.
//
// Of T scores C = ⌊T·top_k/E⌋ exceed the quantile: it is the (C+1)-th largest of them, and where C = T there
// is no threshold. Equal scores at that place are left out together, so that a load may be smaller than C.
// Weights are the scores; within a token the best score stands first, ties by the lowest expert.

#include <algorithm>
#include <functional>
#include <limits>

#include "router/above_threshold.h"
#include "router/relations.h"
#include "router/variants.h"

namespace moesim {
namespace {

struct QbDynamicParams {
  ScoreFunc score_func = ScoreFunc::sigmoid;
  std::int64_t top_k = 2;
};

void describe(Fields<QbDynamicParams>& f) {
  f.add("score_func", &QbDynamicParams::score_func).doc("logits to scores");
  f.add("top_k", &QbDynamicParams::top_k).range(1, 65536).doc("experts per token on average");
}

class QbDynamic final : public Router {
 public:
  QbDynamic(const QbDynamicParams& params, Index num_experts) : Router(num_experts), params_(params) {}

  RouterTraits traits() const override {
    RouterTraits traits;
    traits.choice = Choice::expert;
    traits.top_k = params_.top_k;
    traits.exact_k = false;
    traits.causal = false;
    traits.row_local = false;
    traits.shift_invariant = params_.score_func == ScoreFunc::softmax;
    traits.takes_capacity = false;
    return traits;
  }

 private:
  Routing do_route(const RouterInput& input) const override {
    const Matrix scores = scores_by_token(params_.score_func, input);
    const auto share = static_cast<std::size_t>(scores.rows() * params_.top_k / num_experts());
    std::vector<float> quantile(static_cast<std::size_t>(num_experts()),
                                -std::numeric_limits<float>::infinity());
    input.context.for_each_block(num_experts(), [&](Index e) {
      const auto i = static_cast<std::size_t>(e);
      quantile[i] =
          share < static_cast<std::size_t>(scores.rows()) ? largest_but(scores, i, share) : quantile[i];
    });
    return choose_above(scores, quantile, input.context);
  }

  // The (count+1)-th largest score of an expert.
  static float largest_but(const Matrix& scores, std::size_t expert, std::size_t count) {
    std::vector<float> column(static_cast<std::size_t>(scores.rows()));
    for (std::size_t t = 0; t < column.size(); ++t) {
      column[t] = scores.row(static_cast<Index>(t))[expert];
    }
    const auto place = column.begin() + static_cast<std::ptrdiff_t>(count);
    std::nth_element(column.begin(), place, column.end(), std::greater<>());
    return *place;
  }

  QbDynamicParams params_;
};

std::unique_ptr<Router> make_qb_dynamic(Binder& binder, const Node& section, const LayerShape& shape) {
  const std::size_t problems = binder.diagnostics.list().size();
  QbDynamicParams params;
  bind_section(binder, &section, "router", params, kRouterReserved, families_with_key);
  RouterRelations(binder, section, shape.num_experts).check_top_k(params.top_k);
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  return std::make_unique<QbDynamic>(params, shape.num_experts);
}

}  // namespace

RouterFamily router_qb_dynamic() {
  return {.name = "qb_dynamic",
          .summary = "tokens go to every expert whose score exceeds the expert's quantile in the batch",
          .origin = "Su 2026, kexue.fm/archives/11626",
          .fields = [] { return fields_of<QbDynamicParams>().infos(); },
          .make = make_qb_dynamic};
}

}  // namespace moesim
