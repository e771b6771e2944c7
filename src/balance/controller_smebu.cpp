// SMEBU, "soft-clamped momentum expert bias updates": the relative error through tanh, centred, smoothed.
//
//   Δ_i = λ·tanh(κ·e_i),  Δ_i −= mean Δ,  m_i = β·m_i + (1 − β)·Δ_i,  b_i += m_i
//
// tanh bounds a step to λ as the sign does, and near balance makes it as small as the error. Arcee Trinity
// Large (arXiv:2602.17004), λ = 5e-4, κ = 2, β = 0.5, read from summaries and from a public re-implementation
// that follows the same five lines.

#include <cmath>

#include "balance/controller_variants.h"

namespace moesim {
namespace {

struct SmebuParams {
  double rate = 5e-4;
  double kappa = 2.0;
  double momentum = 0.5;
};
void describe(Fields<SmebuParams>& f) {
  f.add("rate", &SmebuParams::rate).range(0.0, kLargestRate).doc("largest step of the bias (lambda)");
  f.add("kappa", &SmebuParams::kappa)
      .range(0.0, 1e6)
      .doc("steepness: how small an error gets the whole step");
  f.add("momentum", &SmebuParams::momentum)
      .range(0.0, 0.999999)
      .doc("share of the last step that is kept (beta)");
}

class Smebu final : public Controller {
 public:
  explicit Smebu(const SmebuParams& params) : params_(params) {}
  // What is left of the momentum moves the bias on after balance is reached.
  ControllerTraits traits() const override { return {.rests_at_balance = params_.momentum == 0}; }

  ControllerState start(Index num_experts, std::span<const float> bias) const override {
    ControllerState state = Controller::start(num_experts, bias);
    state.momentum.resize(static_cast<std::size_t>(num_experts));
    return state;
  }

 private:
  void update(const ControlRecord& record, ControllerState& state) const override {
    std::vector<double> steps = relative_errors(record.loads);
    for (double& step : steps) {
      step = params_.rate * std::tanh(params_.kappa * step);
    }
    centre(steps);
    for (std::size_t e = 0; e < steps.size(); ++e) {
      state.momentum[e] = params_.momentum * state.momentum[e] + (1.0 - params_.momentum) * steps[e];
      state.bias[e] += state.momentum[e];
    }
  }

  SmebuParams params_;
};

}  // namespace

ControllerEntry controller_smebu() {
  return {.name = "smebu",
          .summary = "a soft-clamped, centred step with momentum",
          .origin = "Arcee Trinity Large, arXiv:2602.17004",
          .source_kind = "secondary source",
          .unit = "score (sigmoid)",
          .fields = [] { return fields_of<SmebuParams>().infos(); },
          .make = make_plain_controller<SmebuParams, Smebu>};
}

}  // namespace moesim
