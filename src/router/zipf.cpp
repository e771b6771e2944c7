// Experts drawn from given popularities: a control with a known skew. Every token draws top_k different
// experts one after the other, each in proportion to its popularity among those left; expert e has popularity
// 1/(e+1)^exponent (Zipf's law), or the number that `shares` gives it. Weight 1/top_k.
//
// Drawing one after the other is taking the best of ln(popularity) + Gumbel noise (Efraimidis and Spirakis
// 2006, "Weighted random sampling with a reservoir", in its exponential form).

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "router/fixed_choice.h"
#include "router/select.h"

namespace moesim {
namespace {

struct ZipfParams {
  std::int64_t top_k = 2;
  double exponent = 1.0;
  std::vector<double> shares;
};

void describe(Fields<ZipfParams>& f) {
  f.add("top_k", &ZipfParams::top_k).range(1, 65536).doc("experts per token");
  f.add("exponent", &ZipfParams::exponent)
      .range(0.0, 10.0)
      .only_when([](const ZipfParams& p) { return p.shares.empty(); }, "router.shares is given")
      .doc("expert e is drawn in proportion to 1/(e+1)^exponent; 0: all alike");
  f.add("shares", &ZipfParams::shares).doc("or one popularity per expert, for example measured loads");
}

class Zipf final : public FixedChoice {
 public:
  Zipf(const ZipfParams& params, Index num_experts)
      : FixedChoice(num_experts, params.top_k), params_(params) {}

  RouterTraits traits() const override {
    RouterTraits traits = FixedChoice::traits();
    traits.stochastic = true;
    return traits;
  }

 private:
  void choose(const RouterInput& input, Index t, DistinctDraw& /*draw*/,
              std::span<std::int32_t> chosen) const override {
    RandomSequence luck({.seed = input.seed, .stream = Stream::random_router, .layer = input.layer},
                        input.batch.first_token + static_cast<std::uint64_t>(t));
    std::vector<float> race(static_cast<std::size_t>(num_experts()));
    for (std::size_t e = 0; e < race.size(); ++e) {
      race[e] = static_cast<float>(log_popularity(e) - std::log(-std::log(luck.next_open_uniform())));
    }
    SelectScratch scratch;
    select_top_k(race, chosen, scratch);
  }

  double log_popularity(std::size_t e) const {
    return params_.shares.empty() ? -params_.exponent * std::log(static_cast<double>(e + 1))
                                  : std::log(params_.shares[e]);
  }

  ZipfParams params_;
};

std::unique_ptr<Router> make_zipf(Binder& binder, const Node& section, const LayerShape& shape) {
  const std::size_t problems = binder.diagnostics.list().size();
  ZipfParams params;
  bind_section(binder, &section, "router", params, kRouterReserved, families_with_key);
  const RouterRelations relations(binder, section, shape.num_experts);
  relations.check_top_k(params.top_k);
  relations.check_list({"shares", params.shares, 0.0});
  const auto drawable =
      std::count_if(params.shares.begin(), params.shares.end(), [](double s) { return s > 0; });
  if (!params.shares.empty() && drawable < params.top_k && relations.sound({"shares", "top_k"})) {
    binder.error("router.shares", fmt::format("got {} numbers above 0", drawable),
                 fmt::format("at least {}, as many as a token draws experts", params.top_k), "bad-relation",
                 "", {relations.note("top_k", std::to_string(params.top_k))});
  }
  if (binder.diagnostics.list().size() != problems) {
    return nullptr;
  }
  return std::make_unique<Zipf>(params, shape.num_experts);
}

}  // namespace

RouterFamily router_zipf() {
  return {.name = "zipf",
          .summary = "experts drawn from given popularities: a control with a known skew",
          .origin = "control; Efraimidis and Spirakis 2006 for the draw",
          .fields = [] { return fields_of<ZipfParams>().infos(); },
          .make = make_zipf};
}

}  // namespace moesim
