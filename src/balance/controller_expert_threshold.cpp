// Each expert accepts every token whose selection value reaches its threshold c_i; c_i follows the value of
// the last token the expert would take if it took its fair share of the batch.
//
//   cut-off_i = the m-th largest value of expert i over the batch, m = max(1, ⌊K·T/E⌋)
//   c_i = the mean of all cut-offs, weighted α^age
//
// A token gets any number of experts, and a load is fair on average, whatever other experts do. Before the
// first record there are no thresholds (the source warms up with expert choice). Sun et al. 2026
// (arXiv:2603.11535); decay and the correction for the start from the authors' code
// (src/models/engines/common.py, _effective_cutoff: cutoff_ema_alpha 0.99, raw/(1 − α^updates)), which
// accepts a value equal to the threshold, where the paper says "exceeds". Here α and the number of records
// give the same weights without a second vector.

#include <algorithm>
#include <cmath>
#include <functional>

#include "balance/controller_variants.h"

namespace moesim {
namespace {

struct ThresholdParams {
  double decay = 0.99;
};
void describe(Fields<ThresholdParams>& f) {
  f.add("decay", &ThresholdParams::decay)
      .range(0.0, 0.999999)
      .doc("weight of the past: 0 takes the last batch alone (alpha)");
}

class ExpertThreshold final : public Controller {
 public:
  explicit ExpertThreshold(const ThresholdParams& params) : params_(params) {}
  ControllerTraits traits() const override {
    return {.acts = Acts::thresholds, .needs_values = true, .rests_at_balance = false, .whole_rows = true};
  }

 private:
  void update(const ControlRecord& record, ControllerState& state) const override {
    const std::size_t num_experts = record.loads.size();
    const Index share = record.top_k * record.tokens / static_cast<Index>(num_experts);
    const auto fair = static_cast<std::ptrdiff_t>(std::clamp<Index>(share, 1, record.tokens));
    const bool first = state.thresholds.empty();
    state.thresholds.resize(num_experts);
    // The weight of the newest cut-off among all so far.
    const double newest =
        first ? 1.0
              : (1.0 - params_.decay) / (1.0 - std::pow(params_.decay, static_cast<double>(state.step)));
    std::vector<float> column(static_cast<std::size_t>(record.tokens));
    for (std::size_t e = 0; e < num_experts; ++e) {
      for (Index t = 0; t < record.tokens; ++t) {
        column[static_cast<std::size_t>(t)] = record.values.row(t)[e];
      }
      std::nth_element(column.begin(), column.begin() + (fair - 1), column.end(), std::greater<>());
      const double cut_off = column[static_cast<std::size_t>(fair - 1)];
      state.thresholds[e] += newest * (cut_off - state.thresholds[e]);
    }
  }

  ThresholdParams params_;
};

}  // namespace

ControllerEntry controller_expert_threshold() {
  return {.name = "expert_threshold",
          .summary = "experts accept what reaches a running threshold",
          .origin = "Sun et al. 2026, arXiv:2603.11535, and the authors' src/models/engines/common.py",
          .source_kind = "paper and code",
          .unit = "none: thresholds on scores or logits alike",
          .fields = [] { return fields_of<ThresholdParams>().infos(); },
          .make = make_plain_controller<ThresholdParams, ExpertThreshold>};
}

}  // namespace moesim
