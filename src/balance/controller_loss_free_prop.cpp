// The bias moves in proportion to the error: far from balance by much, near it by little.
//
//   error: relative   b_i += u·(n̄ − n_i)/n̄
//   error: counts     b_i += u·(n̄ − n_i), so that a fitting u depends on the batch
//
// Wang et al. 2024 (arXiv:2408.15664), table 3: variants of algorithm 1 that add u·e_i instead of
// u·sign(e_i), u from 1e-4 to 1e-2. A larger step than the distribution of the scores is wide makes the loads
// swing.

#include "balance/controller_variants.h"

namespace moesim {
namespace {

enum class ErrorOf { relative, counts };
constexpr EnumName<ErrorOf> kErrors[] = {{ErrorOf::relative, "relative"}, {ErrorOf::counts, "counts"}};
std::span<const EnumName<ErrorOf>> enum_names(ErrorOf) {
  return kErrors;
}

struct ProportionalParams {
  double rate = 1e-2;
  ErrorOf error = ErrorOf::relative;
};
void describe(Fields<ProportionalParams>& f) {
  f.add("rate", &ProportionalParams::rate)
      .range(0.0, kLargestRate)
      .doc("what the bias moves by for an error of 1");
  f.add("error", &ProportionalParams::error)
      .doc("missing assignments over the mean load, or their plain number");
}

class LossFreeProportional final : public Controller {
 public:
  explicit LossFreeProportional(const ProportionalParams& params) : params_(params) {}
  ControllerTraits traits() const override { return {}; }

 private:
  void update(const ControlRecord& record, ControllerState& state) const override {
    const double mean = mean_load(record.loads);
    const double unit = params_.error == ErrorOf::relative ? mean : 1.0;
    for (std::size_t e = 0; e < state.bias.size(); ++e) {
      state.bias[e] += params_.rate * ((mean - static_cast<double>(record.loads[e])) / unit);
    }
  }

  ProportionalParams params_;
};

}  // namespace

ControllerEntry controller_loss_free_prop() {
  return {.name = "loss_free_prop",
          .summary = "a step of the bias in proportion to the missing load",
          .origin = "Wang et al. 2024, arXiv:2408.15664, table 3",
          .source_kind = "paper",
          .unit = "score (sigmoid)",
          .fields = [] { return fields_of<ProportionalParams>().infos(); },
          .make = make_plain_controller<ProportionalParams, LossFreeProportional>};
}

}  // namespace moesim
