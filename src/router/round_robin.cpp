// Round robin: choice j of token number g goes to expert (g·top_k + j) mod E. Perfect balance without looking
// at anything: torchtitan's debug option and megablocks' uniform assignment. Weight 1/top_k.

#include "router/fixed_choice.h"

namespace moesim {
namespace {

struct RoundRobinParams {
  std::int64_t top_k = 2;
};

void describe(Fields<RoundRobinParams>& f) {
  f.add("top_k", &RoundRobinParams::top_k).range(1, 65536).doc("experts per token");
}

class RoundRobin final : public FixedChoice {
 public:
  RoundRobin(const RoundRobinParams& params, Index num_experts) : FixedChoice(num_experts, params.top_k) {}

  RouterTraits traits() const override {
    RouterTraits traits = FixedChoice::traits();
    traits.by_place = true;
    return traits;
  }

 private:
  void choose(const RouterInput& input, Index t, DistinctDraw& /*draw*/,
              std::span<std::int32_t> chosen) const override {
    const auto experts = static_cast<std::uint64_t>(num_experts());
    const std::uint64_t token = (input.batch.first_token + static_cast<std::uint64_t>(t)) % experts;
    for (std::size_t j = 0; j < chosen.size(); ++j) {
      chosen[j] = static_cast<std::int32_t>((token * chosen.size() + j) % experts);
    }
  }
};

}  // namespace

RouterFamily router_round_robin() {
  return {.name = "round_robin",
          .summary = "experts in turn: perfect balance without looking at the tokens",
          .origin = "control; pytorch/torchtitan (debug option), databricks/megablocks (uniform assignment)",
          .fields = [] { return fields_of<RoundRobinParams>().infos(); },
          .make = make_fixed_choice<RoundRobinParams, RoundRobin>};
}

}  // namespace moesim
