// Random routing: every token draws top_k experts, all choices equally likely. The baseline without any
// information: its loads are the noise floor, with coefficient of variation √((E−K)/(K·T)), and two tokens
// share an expert with probability 1 − C(E−K,K)/C(E,K).
//
// With replacement an expert may be drawn twice by one token, which then sends two rows to it
// (AI-Hypercomputer/maxtext, random routing for benchmarks).
//
// The draw is keyed by the token's place in the stream, so any cut of the stream into batches routes the
// same. Weight 1/top_k.

#include "router/fixed_choice.h"

namespace moesim {
namespace {

struct RandomParams {
  std::int64_t top_k = 2;
  bool replacement = false;
};

void describe(Fields<RandomParams>& f) {
  f.add("top_k", &RandomParams::top_k).range(1, 65536).doc("experts per token");
  f.add("replacement", &RandomParams::replacement).doc("true: a token may draw the same expert again");
}

class Random final : public FixedChoice {
 public:
  Random(const RandomParams& params, Index num_experts)
      : FixedChoice(num_experts, params.top_k), replacement_(params.replacement) {}

  RouterTraits traits() const override {
    RouterTraits traits = FixedChoice::traits();
    traits.stochastic = true;
    traits.distinct = !replacement_;
    return traits;
  }

 private:
  void choose(const RouterInput& input, Index t, DistinctDraw& draw,
              std::span<std::int32_t> chosen) const override {
    const RandomKey key{.seed = input.seed, .stream = Stream::random_router, .layer = input.layer};
    RandomSequence luck(key, input.batch.first_token + static_cast<std::uint64_t>(t));
    if (!replacement_) {
      draw.draw(luck, chosen);
      return;
    }
    for (std::int32_t& expert : chosen) {
      expert = static_cast<std::int32_t>(luck.next_below(static_cast<std::uint32_t>(num_experts())));
    }
  }

  bool replacement_;
};

}  // namespace

RouterFamily router_random() {
  return {.name = "random",
          .summary = "every token draws top_k experts at random: the noise floor",
          .origin = "control; loads follow the hypergeometric law",
          .fields = [] { return fields_of<RandomParams>().infos(); },
          .make = make_fixed_choice<RandomParams, Random>};
}

}  // namespace moesim
