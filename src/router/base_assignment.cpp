// BASE layers: every expert gets exactly T/E tokens, so that the sum of affinities (the logits) is nearly the
// largest possible; in use, when there is no batch to balance, every token takes its best expert.
//
// Lewis et al. 2021 (arXiv:2103.16716); fairseq, fairseq/modules/base_layer.py. The expert's output is mixed
// with its input: y = α·E(x) + (1 − α)·x, α = sigmoid of the affinity. Here x is the row that the experts
// get. The auction, its ties and its ε: auction.h. Ties of the best expert: the lowest.

#include <algorithm>

#include "router/auction.h"
#include "router/routing_mode.h"
#include "router/rows.h"
#include "router/score.h"
#include "router/variants.h"

namespace moesim {
namespace {

struct BaseAssignmentParams {
  RoutingMode mode = RoutingMode::train;
};

void describe(Fields<BaseAssignmentParams>& f) {
  f.add("mode", &BaseAssignmentParams::mode)
      .doc("train: all experts get equally many tokens, by auction; eval: tokens take their best expert");
}

class BaseAssignment final : public Router {
 public:
  BaseAssignment(const BaseAssignmentParams& params, Index num_experts)
      : Router(num_experts), balances_(params.mode == RoutingMode::train) {}

  RouterTraits traits() const override {
    RouterTraits traits;
    traits.top_k = 1;
    traits.causal = !balances_;
    traits.row_local = !balances_;
    traits.takes_capacity = !balances_;
    traits.needs_hidden = true;
    traits.token_multiple = balances_ ? std::max<Index>(1, num_experts()) : 1;
    return traits;
  }

 private:
  Routing do_route(const RouterInput& input) const override {
    const Index num_tokens = input.batch.num_tokens();
    Assignments out = exactly_k(num_experts(), num_tokens, 1);
    out.expert = balances_ ? assign_evenly(input.logits, input.context) : best_experts(input);
    std::vector<float> affinity(out.expert.size());
    out.pass_through.resize(out.expert.size());
    for (std::size_t t = 0; t < affinity.size(); ++t) {
      affinity[t] = input.logits.row(static_cast<Index>(t))[static_cast<std::size_t>(out.expert[t])];
    }
    score_row(ScoreFunc::sigmoid, affinity, out.score);
    out.weight = out.score;
    std::transform(out.weight.begin(), out.weight.end(), out.pass_through.begin(),
                   [](float alpha) { return 1.0F - alpha; });
    return out;
  }

  static std::vector<std::int32_t> best_experts(const RouterInput& input) {
    std::vector<std::int32_t> expert(static_cast<std::size_t>(input.logits.rows));
    for_each_row_block(input.context, input.logits.rows, [&](Index first, Index last) {
      for (Index t = first; t < last; ++t) {
        const std::span<const float> row = input.logits.row(t);
        expert[static_cast<std::size_t>(t)] =
            static_cast<std::int32_t>(std::max_element(row.begin(), row.end()) - row.begin());
      }
    });
    return expert;
  }

  bool balances_;
};

std::unique_ptr<Router> make_base_assignment(Binder& binder, const Node& section, const LayerShape& shape) {
  const std::size_t problems = binder.diagnostics.list().size();
  BaseAssignmentParams params;
  bind_section(binder, &section, "router", params, kRouterReserved, families_with_key);
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  return std::make_unique<BaseAssignment>(params, shape.num_experts);
}

}  // namespace

RouterFamily router_base_assignment() {
  return {.name = "base_assignment",
          .summary = "an auction gives every expert equally many tokens",
          .origin = "BASE layers, Lewis et al. 2021, arXiv:2103.16716; fairseq, modules/base_layer.py",
          .fields = [] { return fields_of<BaseAssignmentParams>().infos(); },
          .make = make_base_assignment};
}

}  // namespace moesim
