// Hash routing: a token's experts are a fixed function of its id (Roller et al. 2021, arXiv:2106.04426).
//
// `random`: a fixed random map of ids to experts, one per layer and seed (facebookresearch/ParlAI draws its
// own with Python's generator). `modulo`: expert (id + j) mod E for choice j (the id mod E of the
// expert-choice paper's comparison, arXiv:2202.09368, with neighbours as further choices). A table that is
// given (RouterState::token_experts) stands in the place of either.
//
// Weights: `equal` is 1/top_k (the paper leaves the one expert's output unweighted: the same for top_k 1).
// `gate` keeps a learned gate for the weights alone, as DeepSeek-V4's first layers do (arXiv:2606.19348;
// transformers, models/deepseek_v4): the scores at the chosen experts, renormalised and scaled.

#include "router/draw.h"
#include "router/relations.h"
#include "router/rows.h"
#include "router/score.h"
#include "router/variants.h"
#include "router/weight.h"

namespace moesim {
namespace {

enum class HashMethod { random, modulo };
enum class HashWeights { equal, gate };

constexpr EnumName<HashMethod> kHashMethods[] = {{HashMethod::random, "random"},
                                                 {HashMethod::modulo, "modulo"}};
constexpr EnumName<HashWeights> kHashWeights[] = {{HashWeights::equal, "equal"}, {HashWeights::gate, "gate"}};

std::span<const EnumName<HashMethod>> enum_names(HashMethod) {
  return kHashMethods;
}
std::span<const EnumName<HashWeights>> enum_names(HashWeights) {
  return kHashWeights;
}

struct HashParams {
  HashMethod method = HashMethod::random;
  std::int64_t top_k = 1;
  HashWeights weights = HashWeights::equal;
  ScoreFunc score_func = ScoreFunc::sqrt_softplus;
  bool route_norm = true;
  double norm_eps = 1e-20;
  double route_scale = 1.0;

  bool gated() const { return weights == HashWeights::gate; }
};

void describe(Fields<HashParams>& f) {
  using P = HashParams;
  const auto gated = [](const P& p) { return p.gated(); };
  constexpr const char* kEqual = "router.weights is equal";
  f.add("method", &P::method).doc("a fixed random map of token ids, or the id modulo the experts");
  f.add("top_k", &P::top_k).range(1, 65536).doc("experts per token");
  f.add("weights", &P::weights).doc("1/top_k each, or what a learned gate says of the chosen experts");
  f.add("score_func", &P::score_func).only_when(gated, kEqual).doc("the gate's logits to scores");
  f.add("route_norm", &P::route_norm)
      .only_when(gated, kEqual)
      .doc("divide weights by their sum, before any drop");
  f.add("norm_eps", &P::norm_eps)
      .range(0.0, 1.0)
      .only_when([](const P& p) { return p.gated() && p.route_norm; }, "no sum is divided by")
      .doc("added to that sum");
  f.add("route_scale", &P::route_scale)
      .range(1e-6, 1e6)
      .only_when(gated, kEqual)
      .doc("multiplies all weights");
}

class Hash final : public Router {
 public:
  Hash(const HashParams& params, Index num_experts)
      : Router(num_experts),
        params_(params),
        weights_{.renormalise = params.route_norm,
                 .norm_eps = params.norm_eps,
                 .route_scale = params.route_scale} {}

  RouterTraits traits() const override {
    RouterTraits traits;
    traits.choice = Choice::fixed;
    traits.top_k = params_.top_k;
    traits.normalised = !params_.gated() || params_.route_norm;
    traits.weight_sum = params_.gated() ? params_.route_scale : 1.0;
    traits.normalised_above = params_.gated() ? params_.norm_eps * 1e6 : 0.0;
    traits.expert_symmetric = false;
    traits.needs_logits = params_.gated();
    traits.score_func = params_.score_func;
    traits.needs_token_ids = true;
    return traits;
  }

 private:
  Routing do_route(const RouterInput& input) const override {
    Assignments out = exactly_k(num_experts(), input.batch.num_tokens(), params_.top_k);
    const auto top_k = static_cast<std::size_t>(params_.top_k);
    for_each_row_block(input.context, input.batch.num_tokens(), [&](Index first, Index last) {
      DistinctDraw draw(num_experts());
      std::vector<float> scores(static_cast<std::size_t>(num_experts()));
      for (Index t = first; t < last; ++t) {
        const std::size_t at = static_cast<std::size_t>(t) * top_k;
        const std::span<std::int32_t> chosen(out.expert.data() + at, top_k);
        choose(input, t, draw, chosen);
        if (params_.gated()) {
          score_row(params_.score_func, input.logits.row(t), scores);
        }
        for (std::size_t j = 0; j < top_k; ++j) {
          out.score[at + j] = params_.gated() ? scores[static_cast<std::size_t>(chosen[j])]
                                              : 1.0F / static_cast<float>(top_k);
        }
        const std::span<const float> chosen_scores(out.score.data() + at, top_k);
        make_weights(params_.gated() ? weights_ : WeightRule{}, {chosen_scores, {}, chosen},
                     {out.weight.data() + at, top_k});
      }
    });
    return out;
  }

  void choose(const RouterInput& input, Index t, DistinctDraw& draw, std::span<std::int32_t> chosen) const {
    const std::uint32_t id = input.batch.token_id[static_cast<std::size_t>(t)];
    const TokenTable& table = input.state.token_experts;
    if (!table.expert.empty()) {
      std::copy_n(table.expert.begin() + static_cast<std::ptrdiff_t>(id) * table.top_k, chosen.size(),
                  chosen.begin());
      return;
    }
    switch (params_.method) {
      case HashMethod::random: {
        const RandomKey key{.seed = input.seed, .stream = Stream::hash_router, .layer = input.layer};
        draw.draw(RandomSequence(key, id), chosen);
        break;
      }
      case HashMethod::modulo:
        for (std::size_t j = 0; j < chosen.size(); ++j) {
          chosen[j] =
              static_cast<std::int32_t>((static_cast<Index>(id) + static_cast<Index>(j)) % num_experts());
        }
        break;
    }
  }

  HashParams params_;
  WeightRule weights_;
};

std::unique_ptr<Router> make_hash(Binder& binder, const Node& section, const LayerShape& shape) {
  const std::size_t problems = binder.diagnostics.list().size();
  HashParams params;
  bind_section(binder, &section, "router", params, kRouterReserved, families_with_key);
  const RouterRelations relations(binder, section, shape.num_experts);
  relations.check_top_k(params.top_k);
  if (params.gated() && params.route_norm && params.score_func == ScoreFunc::raw &&
      relations.sound({"score_func", "route_norm"})) {
    binder.error("router.route_norm", relations.got("route_norm", "true"),
                 "false, as raw scores may sum to 0 or less", "bad-relation", "",
                 {relations.note("score_func", "raw")});
  }
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  return std::make_unique<Hash>(params, shape.num_experts);
}

}  // namespace

RouterFamily router_hash() {
  return {.name = "hash",
          .summary = "a token's experts are a fixed function of its id",
          .origin = "Roller et al. 2021, arXiv:2106.04426; DeepSeek-V4, arXiv:2606.19348",
          .fields = [] { return fields_of<HashParams>().infos(); },
          .make = make_hash};
}

}  // namespace moesim
