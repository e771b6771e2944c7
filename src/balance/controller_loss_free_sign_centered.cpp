// The step of loss_free_sign without its drift: u·sign(n̄ − n_i), from which the mean is taken.
//
// centre: update subtracts the mean of the steps before they are added, as torchtitan does
// (torchtitan/components/optimizer/optimizer.py, _update_expert_bias, load_balance_coeff 1e-3). centre: bias
// subtracts the mean of the bias afterwards. From a bias of mean 0 the two differ by rounding alone; from
// another one the first keeps that mean and the second takes it away.

#include "balance/controller_variants.h"

namespace moesim {
namespace {

enum class Centre { update, bias };
constexpr EnumName<Centre> kCentres[] = {{Centre::update, "update"}, {Centre::bias, "bias"}};
std::span<const EnumName<Centre>> enum_names(Centre) {
  return kCentres;
}

struct CenteredParams {
  double rate = 1e-3;
  Centre centre = Centre::update;
};
void describe(Fields<CenteredParams>& f) {
  f.add("rate", &CenteredParams::rate)
      .range(0.0, kLargestRate)
      .doc("what the bias moves by in a step, before the mean is taken away");
  f.add("centre", &CenteredParams::centre).doc("whose mean is taken away: that of the update or of the bias");
}

class LossFreeSignCentered final : public Controller {
 public:
  explicit LossFreeSignCentered(const CenteredParams& params) : params_(params) {}
  ControllerTraits traits() const override { return {.centred = params_.centre == Centre::bias}; }

 private:
  void update(const ControlRecord& record, ControllerState& state) const override {
    const double mean = mean_load(record.loads);
    std::vector<double> steps;
    for (const std::uint64_t load : record.loads) {
      steps.push_back(params_.rate * direction(mean, load));
    }
    if (params_.centre == Centre::update) {
      centre(steps);
    }
    for (std::size_t e = 0; e < steps.size(); ++e) {
      state.bias[e] += steps[e];
    }
    if (params_.centre == Centre::bias) {
      centre(state.bias);
    }
  }

  CenteredParams params_;
};

}  // namespace

ControllerEntry controller_loss_free_sign_centered() {
  return {.name = "loss_free_sign_centered",
          .summary = "a fixed step of the bias towards balance, less the mean step",
          .origin = "torchtitan torchtitan/components/optimizer/optimizer.py, _update_expert_bias",
          .source_kind = "code",
          .unit = "score (sigmoid)",
          .fields = [] { return fields_of<CenteredParams>().infos(); },
          .make = make_plain_controller<CenteredParams, LossFreeSignCentered>};
}

}  // namespace moesim
