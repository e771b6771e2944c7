// A controller of a controller: while MaxVio = max n_i/n̄ − 1 is above its target the moved number goes up,
// else down, within its bounds.
//
//   step: exponential   number · e^{±r}
//   step: additive      number ± r
//
// moves: rate steers the step of loss_free_sign, b_i += u·sign(n̄ − n_i), with the rate as it was before this
// record; moves: loss_coefficient gives a balancing loss's weight and no bias. MaxVio equal to the target
// counts as reached. A rate that is large for the scores makes loads swing, and MaxVio with them: a target
// near what chance alone shows drives the rate to its upper bound. Known from a research fork's description;
// no paper.

#include <algorithm>
#include <cmath>

#include "balance/controller_variants.h"

namespace moesim {
namespace {

enum class Moves { rate, loss_coefficient };
enum class Step { exponential, additive };
constexpr EnumName<Moves> kMoves[] = {{Moves::rate, "rate"}, {Moves::loss_coefficient, "loss_coefficient"}};
constexpr EnumName<Step> kSteps[] = {{Step::exponential, "exponential"}, {Step::additive, "additive"}};
std::span<const EnumName<Moves>> enum_names(Moves) {
  return kMoves;
}
std::span<const EnumName<Step>> enum_names(Step) {
  return kSteps;
}

struct ServoParams {
  Moves moves = Moves::rate;
  double target = 0.2;
  Step step = Step::exponential;
  double by = 0.05;
  double start = 1e-3;
  double lowest = 1e-6;
  double highest = 0.1;
};
void describe(Fields<ServoParams>& f) {
  f.add("moves", &ServoParams::moves).doc("the rate of a fixed step of the bias, or the weight of a loss");
  f.add("target", &ServoParams::target).range(0.0, 1e6).doc("MaxVio above which it moves up");
  f.add("step", &ServoParams::step).doc("whether a step multiplies or adds");
  f.add("by", &ServoParams::by).range(0.0, kLargestRate).doc("the step: exponent or summand (r)");
  f.add("start", &ServoParams::start).range(0.0, kLargestRate).doc("the number before the first step");
  f.add("lowest", &ServoParams::lowest).range(0.0, kLargestRate).doc("the number never goes below");
  f.add("highest", &ServoParams::highest).range(0.0, kLargestRate).doc("the number never goes above");
}

class MaxVioServo final : public Controller {
 public:
  explicit MaxVioServo(const ServoParams& params) : params_(params) {}
  ControllerTraits traits() const override {
    return {.acts = params_.moves == Moves::rate ? Acts::adds : Acts::coefficient};
  }

  ControllerState start(Index num_experts, std::span<const float> bias) const override {
    ControllerState state = Controller::start(num_experts, bias);
    state.coefficient = std::clamp(params_.start, params_.lowest, params_.highest);
    return state;
  }

 private:
  void update(const ControlRecord& record, ControllerState& state) const override {
    const double mean = mean_load(record.loads);
    for (std::size_t e = 0; e < state.bias.size(); ++e) {
      state.bias[e] += state.coefficient * direction(mean, record.loads[e]);
    }
    const auto highest_load =
        static_cast<double>(*std::max_element(record.loads.begin(), record.loads.end()));
    const double sign = highest_load / mean - 1.0 > params_.target ? 1.0 : -1.0;
    const double moved = params_.step == Step::exponential ? state.coefficient * std::exp(sign * params_.by)
                                                           : state.coefficient + sign * params_.by;
    state.coefficient = std::clamp(moved, params_.lowest, params_.highest);
  }

  ServoParams params_;
};

std::unique_ptr<Controller> make_servo(Binder& binder, const ControllerSection& section) {
  ServoParams params;
  if (!bind_controller(binder, section, params)) {
    return nullptr;
  }
  if (params.lowest > params.highest) {
    binder.error(section.path + ".lowest", "got " + print_real(params.lowest),
                 "at most highest, which is " + print_real(params.highest), "bad-relation");
    return nullptr;
  }
  if (params.start < params.lowest || params.start > params.highest) {
    binder.error(
        section.path + ".start", "got " + print_real(params.start),
        "a number from lowest to highest, " + print_real(params.lowest) + " to " + print_real(params.highest),
        "bad-relation");
    return nullptr;
  }
  return std::make_unique<MaxVioServo>(params);
}

}  // namespace

ControllerEntry controller_maxvio_servo() {
  return {.name = "maxvio_servo",
          .summary = "a rate or a loss's weight that rises while MaxVio is above its target",
          .origin = "a research fork's description; no paper",
          .source_kind = "secondary source",
          .unit = "score (sigmoid)",
          .fields = [] { return fields_of<ServoParams>().infos(); },
          .make = make_servo};
}

}  // namespace moesim
