#pragma once
// Private to this room: routers that look at no logits. Every token gets top_k different experts, each with
// weight and score 1/top_k.

#include "router/draw.h"
#include "router/relations.h"
#include "router/rows.h"
#include "router/variants.h"

namespace moesim {

class FixedChoice : public Router {
 public:
  FixedChoice(Index num_experts, Index top_k) : Router(num_experts), top_k_(top_k) {}

  RouterTraits traits() const override {
    RouterTraits traits;
    traits.choice = Choice::fixed;
    traits.top_k = top_k_;
    traits.normalised = true;
    traits.expert_symmetric = false;
    traits.needs_logits = false;
    return traits;
  }

 private:
  // Writes top_k different experts for row t of the batch; `draw` is the calling thread's.
  virtual void choose(const RouterInput& input, Index t, DistinctDraw& draw,
                      std::span<std::int32_t> chosen) const = 0;

  Routing do_route(const RouterInput& input) const final {
    Assignments out = exactly_k(num_experts(), input.batch.num_tokens(), top_k_);
    out.weight.assign(out.expert.size(), 1.0F / static_cast<float>(top_k_));
    out.score = out.weight;
    for_each_row_block(input.context, input.batch.num_tokens(), [&](Index first, Index last) {
      DistinctDraw draw(num_experts());
      for (Index t = first; t < last; ++t) {
        choose(input, t, draw, {out.expert.data() + t * top_k_, static_cast<std::size_t>(top_k_)});
      }
    });
    return out;
  }

  Index top_k_;
};

// The section of a family whose only relation is that of top_k to the number of experts.
template <class Params, class Family>
std::unique_ptr<Router> make_fixed_choice(Binder& binder, const Node& section, const LayerShape& shape) {
  const std::size_t problems = binder.diagnostics.list().size();
  Params params;
  bind_section(binder, &section, "router", params, kRouterReserved, families_with_key);
  RouterRelations(binder, section, shape.num_experts).check_top_k(params.top_k);
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  return std::make_unique<Family>(params, shape.num_experts);
}

}  // namespace moesim
