// ID balancing: an integral term that follows the error, and a derivative term that acts only where the error
// grows.
//
//   b_i += K_i·e_i + K_d·g_i·(e_i − e'_i),  then the bias is centred
//   g_i = 1 where e'_i·(e_i − e'_i) > 0: the error of the step before (e') grew without changing its sign
//
// On the first step there is no e', and the derivative term is 0. Jin et al. 2026 (arXiv:2609.39137), K_i =
// K_d = 6e-3, for continued pre-training 6e-6; the rule from summaries, the gate's form from a public
// re-implementation.

#include "balance/controller_variants.h"

namespace moesim {
namespace {

struct IdParams {
  double integral = 6e-3;
  double derivative = 6e-3;
};
void describe(Fields<IdParams>& f) {
  f.add("integral", &IdParams::integral)
      .range(0.0, kLargestRate)
      .doc("what the bias moves by for an error of 1 (K_i)");
  f.add("derivative", &IdParams::derivative)
      .range(0.0, kLargestRate)
      .doc("what it moves by more where an error has grown by 1 (K_d)");
}

class IdBalancing final : public Controller {
 public:
  explicit IdBalancing(const IdParams& params) : params_(params) {}
  ControllerTraits traits() const override { return {.centred = true}; }

 private:
  void update(const ControlRecord& record, ControllerState& state) const override {
    std::vector<double> errors = relative_errors(record.loads);
    const std::vector<double>& before = state.previous_error;
    for (std::size_t e = 0; e < errors.size(); ++e) {
      state.bias[e] += params_.integral * errors[e];
      const double growth = before.empty() ? 0.0 : errors[e] - before[e];
      if (!before.empty() && before[e] * growth > 0) {
        state.bias[e] += params_.derivative * growth;
      }
    }
    centre(state.bias);
    state.previous_error = std::move(errors);
  }

  IdParams params_;
};

}  // namespace

ControllerEntry controller_id_balancing() {
  return {.name = "id_balancing",
          .summary = "integral of the error, and its derivative where the error grows",
          .origin = "Jin et al. 2026, arXiv:2609.39137",
          .source_kind = "secondary source",
          .unit = "score (sigmoid)",
          .fields = [] { return fields_of<IdParams>().infos(); },
          .make = make_plain_controller<IdParams, IdBalancing>};
}

}  // namespace moesim
