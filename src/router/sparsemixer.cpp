// SparseMixer, as in GRIN and Phi-3.5-MoE: each of two experts is chosen and weighed in a softmax of its own,
// over the experts whose logit lies near the best of those not yet taken.
//
//   twice: m = best logit among those left; experts with (m − z)/max(|z|, m) > 2·jitter_eps are out;
//   p = softmax over the rest; eval: take the best; train: sample by p; its weight is p
//
// The weights are not renormalised: they sum to at most 2, and to exactly 2 where no other logit is near.
// In training a sampled expert that is not the best keeps a third of its weight three times in four (the
// mid-point trick of the gradient). Source: transformers, models/phimoe/modeling_phimoe.py; GRIN,
// arXiv:2409.12136; SparseMixer, arXiv:2310.00811. mlx-lm and llama.cpp run Phi-3.5-MoE with a plain top-2
// softmax instead: preset phi35_moe_llamacpp.

#include <algorithm>
#include <cmath>
#include <limits>

#include "router/relations.h"
#include "router/row_blocks.h"
#include "router/rows.h"
#include "router/variants.h"

namespace moesim {
namespace {

enum class Mode { eval, train };

constexpr EnumName<Mode> kModes[] = {{Mode::eval, "eval"}, {Mode::train, "train"}};

std::span<const EnumName<Mode>> enum_names(Mode) {
  return kModes;
}

struct SparseMixerParams {
  double near = 0.01;
  std::int64_t top_k = 2;
  Mode mode = Mode::eval;
};

void describe(Fields<SparseMixerParams>& f) {
  f.add("jitter_eps", &SparseMixerParams::near)
      .range(0.0, 1.0)
      .doc("experts whose logit lies relatively within twice this of the best share a softmax");
  f.add("top_k", &SparseMixerParams::top_k).range(1, 2).doc("experts per token");
  f.add("mode", &SparseMixerParams::mode).doc("eval: the best; train: sampled within the softmax");
}

constexpr float kGone = -std::numeric_limits<float>::infinity();
constexpr double kKeptWhole = 0.75;                   // share of draws above which the weight stays whole
constexpr double kMidPoint = 0.3333, kRest = 0.6667;  // as the source rounds a third

// Memory of one block of rows.
struct Row {
  std::vector<float> left;  // [E] logits; −infinity: taken
  std::vector<float> near;  // [E] the softmax
};

struct Chosen {
  std::int32_t expert = 0;
  float weight = 0;
};

std::int32_t best_of(const std::vector<float>& values) {
  return static_cast<std::int32_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

class SparseMixer final : public Router {
 public:
  SparseMixer(const SparseMixerParams& params, Index num_experts) : Router(num_experts), params_(params) {}

  RouterTraits traits() const override {
    RouterTraits traits;
    traits.top_k = params_.top_k;
    traits.score_func = ScoreFunc::raw;
    traits.stochastic = params_.mode == Mode::train;
    traits.expert_symmetric = !traits.stochastic;
    return traits;
  }

 private:
  Routing do_route(const RouterInput& input) const override {
    const Index num_tokens = input.batch.num_tokens();
    std::vector<RowBlock> blocks(static_cast<std::size_t>(count_row_blocks(num_tokens)));
    for_each_row_block(input.context, num_tokens, [&](Index first, Index last) {
      Row row;
      for (Index t = first; t < last; ++t) {
        route_row(input, t, row, blocks[static_cast<std::size_t>(first / kRowsPerBlock)]);
      }
    });
    return join_blocks(num_experts(), num_tokens, blocks);
  }

  void route_row(const RouterInput& input, Index t, Row& row, RowBlock& block) const {
    const std::span<const float> logits = input.logits.row(t);
    RandomSequence luck({.seed = input.seed, .stream = Stream::router_noise, .layer = input.layer},
                        input.batch.first_token + static_cast<std::uint64_t>(t));
    row.left.assign(logits.begin(), logits.end());
    std::int32_t experts[2];
    float weights[2];
    const auto top_k = static_cast<std::size_t>(params_.top_k);
    for (std::size_t j = 0; j < top_k; ++j) {
      const Chosen chosen = take_one(logits, row, luck);
      experts[j] = chosen.expert;
      weights[j] = chosen.weight;
      row.left[static_cast<std::size_t>(chosen.expert)] = kGone;
    }
    block.add({experts, top_k}, {weights, top_k}, {weights, top_k});
  }

  Chosen take_one(std::span<const float> logits, Row& row, RandomSequence& luck) const {
    const std::int32_t best = best_of(row.left);
    const float highest = row.left[static_cast<std::size_t>(best)];
    row.near.resize(logits.size());
    double sum = 0.0;
    for (std::size_t e = 0; e < logits.size(); ++e) {
      const float distance = (highest - logits[e]) / std::max(std::abs(logits[e]), highest);
      // 0/0, both logits 0, is no distance.
      const bool out = row.left[e] == kGone || distance > static_cast<float>(2.0 * params_.near);
      row.near[e] = out ? 0.0F : std::exp(logits[e] - highest);
      sum += row.near[e];
    }
    const std::int32_t taken = params_.mode == Mode::eval ? best : sample(row.near, sum, luck);
    double weight = row.near[static_cast<std::size_t>(taken)] / sum;
    if (params_.mode == Mode::train) {
      const bool whole = luck.next_uniform() > kKeptWhole || taken == best;
      weight *= kMidPoint + (whole ? kRest : 0.0);
    }
    return {taken, static_cast<float>(weight)};
  }

  static std::int32_t sample(const std::vector<float>& shares, double sum, RandomSequence& luck) {
    const double wanted = luck.next_uniform() * sum;
    double passed = 0.0;
    std::int32_t last = 0;
    for (std::size_t e = 0; e < shares.size(); ++e) {
      if (shares[e] > 0.0F) {
        last = static_cast<std::int32_t>(e);
        passed += shares[e];
        if (passed > wanted) {
          break;
        }
      }
    }
    return last;
  }

  SparseMixerParams params_;
};

std::unique_ptr<Router> make_sparsemixer(Binder& binder, const Node& section, const LayerShape& shape) {
  const std::size_t problems = binder.diagnostics.list().size();
  SparseMixerParams params;
  bind_section(binder, &section, "router", params, kRouterReserved, families_with_key);
  RouterRelations(binder, section, shape.num_experts).check_top_k(params.top_k);
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  return std::make_unique<SparseMixer>(params, shape.num_experts);
}

}  // namespace

RouterFamily router_sparsemixer() {
  return {.name = "sparsemixer",
          .summary = "two experts, each weighed in a softmax of its own over those near the best",
          .origin = "GRIN, arXiv:2409.12136; transformers, models/phimoe/modeling_phimoe.py",
          .fields = [] { return fields_of<SparseMixerParams>().infos(); },
          .make = make_sparsemixer};
}

}  // namespace moesim
