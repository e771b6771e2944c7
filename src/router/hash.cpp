// Hash routing: a token's experts are a fixed function of its id (Roller et al. 2021, arXiv:2106.04426).
//
// `random`: a fixed random map of ids to experts, one per layer and seed. `modulo`: expert (id + j) mod E for
// choice j (the id mod E of the expert-choice paper's comparison, arXiv:2202.09368, with neighbours as
// further choices). The paper leaves the one expert's output unweighted; here every choice weighs 1/top_k,
// which is the same for top_k 1. There is nothing to learn and nothing to tie.

#include "router/draw.h"
#include "router/relations.h"
#include "router/rows.h"
#include "router/variants.h"

namespace moesim {
namespace {

enum class HashMethod { random, modulo };

constexpr EnumName<HashMethod> kHashMethods[] = {{HashMethod::random, "random"},
                                                 {HashMethod::modulo, "modulo"}};

std::span<const EnumName<HashMethod>> enum_names(HashMethod) {
  return kHashMethods;
}

struct HashParams {
  HashMethod method = HashMethod::random;
  std::int64_t top_k = 1;
};

void describe(Fields<HashParams>& f) {
  f.add("method", &HashParams::method).doc("a fixed random map of token ids, or the id modulo the experts");
  f.add("top_k", &HashParams::top_k).range(1, 65536).doc("experts per token");
}

class Hash final : public Router {
 public:
  Hash(const HashParams& params, Index num_experts) : Router(num_experts), params_(params) {}

  RouterTraits traits() const override {
    RouterTraits traits;
    traits.choice = Choice::fixed;
    traits.top_k = params_.top_k;
    traits.normalised = true;
    traits.expert_symmetric = false;
    traits.needs_logits = false;
    return traits;
  }

 private:
  Routing do_route(const RouterInput& input) const override {
    Assignments out = exactly_k(num_experts(), input.batch.num_tokens(), params_.top_k);
    out.weight.assign(out.expert.size(), 1.0F / static_cast<float>(params_.top_k));
    out.score = out.weight;
    const RandomKey key{.seed = input.seed, .stream = Stream::hash_router, .layer = input.layer};
    for_each_row_block(input.context, input.batch.num_tokens(), [&](Index first, Index last) {
      DistinctDraw draw(num_experts());
      for (Index t = first; t < last; ++t) {
        const std::uint32_t id = input.batch.token_id[static_cast<std::size_t>(t)];
        const std::span<std::int32_t> chosen(out.expert.data() + t * params_.top_k,
                                             static_cast<std::size_t>(params_.top_k));
        switch (params_.method) {
          case HashMethod::random:
            draw.draw(RandomSequence(key, id), chosen);
            break;
          case HashMethod::modulo:
            take_neighbours(id, chosen);
            break;
        }
      }
    });
    return out;
  }

  void take_neighbours(std::uint32_t id, std::span<std::int32_t> chosen) const {
    for (std::size_t j = 0; j < chosen.size(); ++j) {
      chosen[j] = static_cast<std::int32_t>((static_cast<Index>(id) + static_cast<Index>(j)) % num_experts());
    }
  }

  HashParams params_;
};

std::unique_ptr<Router> make_hash(Binder& binder, const Node& section, const LayerShape& shape) {
  const std::size_t problems = binder.diagnostics.list().size();
  HashParams params;
  bind_section(binder, &section, "router", params, kRouterReserved, families_with_key);
  RouterRelations(binder, section, shape.num_experts).check_top_k(params.top_k);
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  return std::make_unique<Hash>(params, shape.num_experts);
}

}  // namespace

RouterFamily router_hash() {
  return {.name = "hash",
          .summary = "a token's experts are a fixed function of its id; nothing is learned",
          .origin = "Roller et al. 2021, arXiv:2106.04426",
          .fields = [] { return fields_of<HashParams>().infos(); },
          .make = make_hash};
}

}  // namespace moesim
