// Top-any (DynMoE): a token takes every expert whose gate it passes, be it none or all.
//
//   z = scale·cos(x, W_e); expert e is taken where sigmoid(z) > sigmoid(scale·θ_e), that is z > scale·θ_e
//
// Every expert taken weighs the same, 1/K of them. A token that passes no gate gets the expert with the
// highest logit (`fallback: best`, as at inference) or none (as in training). LINs-lab/DynMoE,
// arXiv:2405.14297: the DeepSpeed port keeps scale 1, the Tutel port starts at 10; θ starts at 0.

#include <algorithm>
#include <limits>

#include "router/relations.h"
#include "router/row_blocks.h"
#include "router/rows.h"
#include "router/score.h"
#include "router/select.h"
#include "router/variants.h"

namespace moesim {
namespace {

enum class Fallback { best, none };

constexpr EnumName<Fallback> kFallbacks[] = {{Fallback::best, "best"}, {Fallback::none, "none"}};

std::span<const EnumName<Fallback>> enum_names(Fallback) {
  return kFallbacks;
}

struct TopAnyParams {
  double logit_scale = 1.0;
  std::vector<double> thresholds;
  Fallback fallback = Fallback::best;
};

void describe(Fields<TopAnyParams>& f) {
  f.add("logit_scale", &TopAnyParams::logit_scale)
      .range(1e-6, 1e6)
      .doc("multiplies cosines and thresholds: one over the temperature");
  f.add("thresholds", &TopAnyParams::thresholds)
      .doc("one cosine per expert that a token must exceed; none given: 0");
  f.add("fallback", &TopAnyParams::fallback)
      .doc("what a token gets that exceeds none: the best expert, or none");
}

// Memory of one block of rows.
struct Row {
  std::vector<float> above, scores;  // [E] the logit over its threshold; the sigmoid of the logit
  SelectScratch select;
  std::vector<float> chosen_scores, weights;  // [K]
};

class TopAny final : public Router {
 public:
  TopAny(const TopAnyParams& params, Index num_experts) : Router(num_experts), params_(params) {}

  RouterTraits traits() const override {
    RouterTraits traits;
    traits.exact_k = false;
    traits.any_number = true;
    traits.score_func = ScoreFunc::sigmoid;
    traits.normalised = params_.fallback == Fallback::best;
    traits.expert_symmetric = params_.thresholds.empty();
    return traits;
  }

  GateRule gate_rule() const override { return {.logit = Logit::cosine, .logit_scale = params_.logit_scale}; }

 private:
  Routing do_route(const RouterInput& input) const override {
    const Index num_tokens = input.batch.num_tokens();
    std::vector<RowBlock> blocks(static_cast<std::size_t>(count_row_blocks(num_tokens)));
    for_each_row_block(input.context, num_tokens, [&](Index first, Index last) {
      Row row;
      for (Index t = first; t < last; ++t) {
        route_row(input.logits.row(t), row);
        blocks[static_cast<std::size_t>(first / kRowsPerBlock)].add(row.select.chosen, row.weights,
                                                                    row.chosen_scores);
      }
    });
    return join_blocks(num_experts(), num_tokens, blocks);
  }

  // Best score first, as everywhere; the lowest expert among equals.
  void route_row(std::span<const float> logits, Row& row) const {
    row.scores.resize(logits.size());
    score_row(ScoreFunc::sigmoid, logits, row.scores);
    row.above.resize(logits.size());
    std::size_t passed = 0;
    for (std::size_t e = 0; e < logits.size(); ++e) {
      const double threshold = params_.thresholds.empty() ? 0.0 : params_.thresholds[e];
      const bool passes = logits[e] > static_cast<float>(threshold * params_.logit_scale);
      passed += passes ? 1 : 0;
      row.above[e] = passes ? logits[e] : -std::numeric_limits<float>::infinity();
    }
    const bool falls_back = passed == 0 && params_.fallback == Fallback::best;
    row.select.chosen.resize(falls_back ? 1 : passed);
    select_top_k(falls_back ? logits : std::span<const float>(row.above), row.select.chosen, row.select);
    const std::vector<std::int32_t>& chosen = row.select.chosen;
    row.weights.assign(chosen.size(), chosen.empty() ? 0.0F : 1.0F / static_cast<float>(chosen.size()));
    row.chosen_scores.resize(chosen.size());
    for (std::size_t j = 0; j < chosen.size(); ++j) {
      row.chosen_scores[j] = row.scores[static_cast<std::size_t>(chosen[j])];
    }
  }

  TopAnyParams params_;
};

std::unique_ptr<Router> make_top_any(Binder& binder, const Node& section, const LayerShape& shape) {
  const std::size_t problems = binder.diagnostics.list().size();
  TopAnyParams params;
  bind_section(binder, &section, "router", params, kRouterReserved, families_with_key);
  RouterRelations(binder, section, shape.num_experts).check_list({"thresholds", params.thresholds, -1e6});
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  return std::make_unique<TopAny>(params, shape.num_experts);
}

}  // namespace

RouterFamily router_top_any() {
  return {.name = "top_any",
          .summary = "every expert whose threshold a token's cosine exceeds, be it none or all",
          .origin = "DynMoE, arXiv:2405.14297; LINs-lab/DynMoE",
          .fields = [] { return fields_of<TopAnyParams>().infos(); },
          .make = make_top_any};
}

}  // namespace moesim
