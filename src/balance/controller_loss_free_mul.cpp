// A factor instead of a summand: experts are chosen by s_i·b_i, b starts at 1 and moves by u·sign(n̄ − n_i),
// but never below 0, a bound of ours: a negative factor would turn the order of an expert's tokens around.
//
// Wang et al. 2024 (arXiv:2408.15664), table 4: not better than the sum. A factor changes the order of large
// scores more than that of small ones, and does nothing to scores of 0; with logits, a factor above 1 makes a
// negative logit smaller still, so it belongs on scores.

#include <algorithm>

#include "balance/controller_variants.h"

namespace moesim {
namespace {

struct MultiplicativeParams {
  double rate = 1e-3;
};
void describe(Fields<MultiplicativeParams>& f) {
  f.add("rate", &MultiplicativeParams::rate)
      .range(0.0, kLargestRate)
      .doc("what the factor moves by in a step");
}

class LossFreeMultiplicative final : public Controller {
 public:
  explicit LossFreeMultiplicative(const MultiplicativeParams& params) : params_(params) {}
  ControllerTraits traits() const override { return {.acts = Acts::multiplies}; }

 private:
  void update(const ControlRecord& record, ControllerState& state) const override {
    const double mean = mean_load(record.loads);
    for (std::size_t e = 0; e < state.bias.size(); ++e) {
      state.bias[e] = std::max(0.0, state.bias[e] + params_.rate * direction(mean, record.loads[e]));
    }
  }

  MultiplicativeParams params_;
};

}  // namespace

ControllerEntry controller_loss_free_mul() {
  return {.name = "loss_free_mul",
          .summary = "a fixed step of a factor on the score towards balance",
          .origin = "Wang et al. 2024, arXiv:2408.15664, table 4",
          .source_kind = "paper",
          .unit = "factor of a score",
          .fields = [] { return fields_of<MultiplicativeParams>().infos(); },
          .make = make_plain_controller<MultiplicativeParams, LossFreeMultiplicative>};
}

}  // namespace moesim
