// Random routing: every token draws top_k different experts, all choices equally likely. The baseline without
// any information: its loads are the noise floor, with coefficient of variation √((E−K)/(K·T)), and two
// tokens share an expert with probability 1 − C(E−K,K)/C(E,K).
//
// The draw is keyed by the token's place in the stream, so any cut of the stream into batches routes the
// same. Weight 1/top_k.

#include "router/draw.h"
#include "router/relations.h"
#include "router/rows.h"
#include "router/variants.h"

namespace moesim {
namespace {

struct RandomParams {
  std::int64_t top_k = 2;
};

void describe(Fields<RandomParams>& f) {
  f.add("top_k", &RandomParams::top_k).range(1, 65536).doc("experts per token");
}

class Random final : public Router {
 public:
  Random(const RandomParams& params, Index num_experts) : Router(num_experts), params_(params) {}

  RouterTraits traits() const override {
    RouterTraits traits;
    traits.choice = Choice::fixed;
    traits.top_k = params_.top_k;
    traits.normalised = true;
    traits.stochastic = true;
    traits.expert_symmetric = false;
    traits.needs_logits = false;
    return traits;
  }

 private:
  Routing do_route(const RouterInput& input) const override {
    Assignments out = exactly_k(num_experts(), input.batch.num_tokens(), params_.top_k);
    out.weight.assign(out.expert.size(), 1.0F / static_cast<float>(params_.top_k));
    out.score = out.weight;
    const RandomKey key{.seed = input.seed, .stream = Stream::random_router, .layer = input.layer};
    for_each_row_block(input.context, input.batch.num_tokens(), [&](Index first, Index last) {
      DistinctDraw draw(num_experts());
      for (Index t = first; t < last; ++t) {
        const RandomSequence sequence(key, input.batch.first_token + static_cast<std::uint64_t>(t));
        draw.draw(sequence, {out.expert.data() + t * params_.top_k, static_cast<std::size_t>(params_.top_k)});
      }
    });
    return out;
  }

  RandomParams params_;
};

std::unique_ptr<Router> make_random(Binder& binder, const Node& section, const LayerShape& shape) {
  const std::size_t problems = binder.diagnostics.list().size();
  RandomParams params;
  bind_section(binder, &section, "router", params, kRouterReserved, families_with_key);
  RouterRelations(binder, section, shape.num_experts).check_top_k(params.top_k);
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  return std::make_unique<Random>(params, shape.num_experts);
}

}  // namespace

RouterFamily router_random() {
  return {.name = "random",
          .summary = "every token draws top_k different experts at random: the noise floor",
          .origin = "control; loads follow the hypergeometric law",
          .fields = [] { return fields_of<RandomParams>().infos(); },
          .make = make_random};
}

}  // namespace moesim
