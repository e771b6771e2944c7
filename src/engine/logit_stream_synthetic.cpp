// Logits without a model: how popular an expert is, plus what each token makes of it.
//
//   z_te = skew·a_e(step) + spread·N(0,1)
//
// stationary: a_e ~ N(0,1), the same at every step. drifting: a_e(step) = cos(rate·step)·a_e +
// sin(rate·step)·a'_e with a second seeded a' ~ N(0,1): at every step N(0,1) again, and of two steps the
// correlation is cos(rate·gap), so that popularity moves at the same speed for ever. Token number step·T + t
// draws its own numbers.

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "engine/logit_stream_variants.h"

namespace moesim {
namespace {

struct StationaryParams {
  double skew = 1.0;
  double spread = 1.0;
};
template <class Params>
void describe_synthetic(Fields<Params>& f) {
  f.template add<double>("skew", &Params::skew)
      .range(0.0, 1000.0)
      .doc("deviation of the experts' popularity, in logits");
  f.template add<double>("spread", &Params::spread)
      .range(0.0, 1000.0)
      .doc("deviation of a token's logits around it");
}
void describe(Fields<StationaryParams>& f) {
  describe_synthetic(f);
}

struct DriftingParams : StationaryParams {
  double rate = 0.01;
};
void describe(Fields<DriftingParams>& f) {
  describe_synthetic(f);
  f.add("rate", &DriftingParams::rate)
      .range(0.0, 3.2)
      .doc("how fast popularity moves, in radians a step: after 1.57/rate steps nothing is left of it");
}

class SyntheticStream final : public LogitStream {
 public:
  SyntheticStream(const DriftingParams& params, const LogitStreamScene& scene)
      : params_(params),
        seed_(scene.seed),
        tokens_(scene.workload->tokens()),
        num_experts_(static_cast<std::size_t>(scene.num_experts)) {}

  FillLogits open() const override {
    std::vector<float> popularity(num_experts_);
    std::vector<float> later(num_experts_);
    fill_normal({.seed = seed_, .stream = Stream::closed_loop_skew}, 0, 1.0F, popularity);
    fill_normal({.seed = seed_, .stream = Stream::closed_loop_drift}, 0, 1.0F, later);
    return [this, popularity = std::move(popularity), later = std::move(later)](
               Index step, const GateOutput& out, const Context& context) {
      const double angle = params_.rate * static_cast<double>(step);
      std::vector<float> skew(num_experts_);
      for (std::size_t e = 0; e < num_experts_; ++e) {
        skew[e] = static_cast<float>(params_.skew * (std::cos(angle) * static_cast<double>(popularity[e]) +
                                                     std::sin(angle) * static_cast<double>(later[e])));
      }
      fill(step, skew, out.logits, context);
    };
  }

 private:
  void fill(Index step, const std::vector<float>& skew, MutableMatrixView logits,
            const Context& context) const {
    constexpr Index kRowsPerBlock = 64;
    const RandomKey key{.seed = seed_, .stream = Stream::closed_loop_token};
    context.for_each_block((logits.rows + kRowsPerBlock - 1) / kRowsPerBlock, [&](Index block) {
      const Index last = std::min(logits.rows, (block + 1) * kRowsPerBlock);
      for (Index t = block * kRowsPerBlock; t < last; ++t) {
        const std::span<float> row = logits.row(t);
        fill_normal(key, static_cast<std::uint64_t>(step * tokens_ + t), static_cast<float>(params_.spread),
                    row);
        std::transform(row.begin(), row.end(), skew.begin(), row.begin(), std::plus<>());
      }
    });
  }

  DriftingParams params_;
  std::uint64_t seed_;
  Index tokens_;
  std::size_t num_experts_;
};

std::unique_ptr<LogitStream> make_stationary(Binder& binder, const Node& section,
                                             const LogitStreamScene& scene) {
  StationaryParams params;
  if (!LogitStreamBinding{binder, section, scene}.read(params)) {
    return nullptr;
  }
  DriftingParams resting;
  resting.skew = params.skew;
  resting.spread = params.spread;
  resting.rate = 0;
  return std::make_unique<SyntheticStream>(resting, scene);
}

std::unique_ptr<LogitStream> make_drifting(Binder& binder, const Node& section,
                                           const LogitStreamScene& scene) {
  DriftingParams params;
  return LogitStreamBinding{binder, section, scene}.read(params)
             ? std::make_unique<SyntheticStream>(params, scene)
             : nullptr;
}

}  // namespace

LogitStreamEntry logit_stream_stationary() {
  return {"stationary", "experts of fixed popularity, tokens around it",
          [] { return fields_of<StationaryParams>().infos(); }, make_stationary};
}

LogitStreamEntry logit_stream_drifting() {
  return {"drifting", "experts whose popularity moves at a constant speed",
          [] { return fields_of<DriftingParams>().infos(); }, make_drifting};
}

}  // namespace moesim
