// Expert threshold: a token goes to every expert whose score for it exceeds the expert's threshold, none to
// all of them (Sun et al. 2026, arXiv:2603.11535): expert choice over an endless batch, and causal, since a
// token's experts follow from its own scores alone. Weights are the scores. A score that equals the threshold
// does not exceed it; within a token the best score stands first, ties by the lowest expert.
//
// The thresholds are state (RouterState::threshold), to be moved from batch to batch towards the score that
// lets every expert have its share; the config gives them at the start.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "router/above_threshold.h"
#include "router/relations.h"
#include "router/variants.h"

namespace moesim {
namespace {

constexpr double kLargestThreshold = 1e6;

struct ExpertThresholdParams {
  ScoreFunc score_func = ScoreFunc::sigmoid;
  std::vector<double> threshold = {0.8};
  std::int64_t top_k = 1;
};

void describe(Fields<ExpertThresholdParams>& f) {
  using P = ExpertThresholdParams;
  f.add("score_func", &P::score_func).doc("logits to scores");
  f.add("threshold", &P::threshold).doc("what a score must exceed: one number, or one per expert");
  f.add("top_k", &P::top_k)
      .range(1, 65536)
      .doc(
          "experts per token that the thresholds aim at: for capacity, and where sizes are told before a "
          "run");
}

class ExpertThreshold final : public Router {
 public:
  ExpertThreshold(const ExpertThresholdParams& params, Index num_experts)
      : Router(num_experts), params_(params) {}

  RouterTraits traits() const override {
    RouterTraits traits;
    traits.top_k = params_.top_k;
    traits.exact_k = false;
    traits.any_number = true;
    traits.shift_invariant = params_.score_func == ScoreFunc::softmax;
    const std::vector<double>& given = params_.threshold;
    traits.expert_symmetric =
        std::adjacent_find(given.begin(), given.end(), std::not_equal_to<>()) == given.end();
    return traits;
  }

  std::vector<float> initial_threshold() const override {
    std::vector<float> threshold(params_.threshold.begin(), params_.threshold.end());
    threshold.resize(static_cast<std::size_t>(num_experts()), threshold.front());
    return threshold;
  }

 private:
  Routing do_route(const RouterInput& input) const override {
    const Matrix scores = scores_by_token(params_.score_func, input);
    return choose_above(scores, input.state.threshold.empty() ? initial_threshold() : input.state.threshold,
                        input.context);
  }

  ExpertThresholdParams params_;
};

void check_threshold(const RouterRelations& relations, Binder& binder, const std::vector<double>& threshold,
                     Index num_experts) {
  if (!relations.sound({"threshold"})) {
    return;
  }
  const auto count = static_cast<Index>(threshold.size());
  if (count != 1 && count != num_experts) {
    binder.error("router.threshold", fmt::format("got {} numbers", count),
                 fmt::format("1 number, or {}, one per expert", num_experts), "wrong-length", "",
                 {relations.note_num_experts()});
  }
  for (const double value : threshold) {
    if (std::abs(value) > kLargestThreshold) {
      binder.error("router.threshold", "got " + print_real(value), "numbers from -1e6 to 1e6",
                   "out-of-range");
    }
  }
}

std::unique_ptr<Router> make_expert_threshold(Binder& binder, const Node& section, const LayerShape& shape) {
  const std::size_t problems = binder.diagnostics.list().size();
  ExpertThresholdParams params;
  bind_section(binder, &section, "router", params, kRouterReserved, families_with_key);
  const RouterRelations relations(binder, section, shape.num_experts);
  relations.check_top_k(params.top_k);
  check_threshold(relations, binder, params.threshold, shape.num_experts);
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  return std::make_unique<ExpertThreshold>(params, shape.num_experts);
}

}  // namespace

RouterFamily router_expert_threshold() {
  return {.name = "expert_threshold",
          .summary = "tokens go to every expert whose score exceeds the expert's threshold",
          .origin = "Sun et al. 2026, arXiv:2603.11535",
          .fields = [] { return fields_of<ExpertThresholdParams>().infos(); },
          .make = make_expert_threshold};
}

}  // namespace moesim
