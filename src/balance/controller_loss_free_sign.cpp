// b_i += u·sign(n̄ − n_i): every expert with too little load gains the same step, every one with too much
// loses it. One update for each global batch. Near balance the step does not shrink: the bias oscillates by
// u.
//
// Wang et al. 2024 (arXiv:2408.15664), algorithm 1; DeepSeek-V3 (arXiv:2412.19437, section 2.1.2): u = 0.001
// for 14.3T tokens, then 0 for the last 500B. Megatron-LM: moe/moe_utils.py, get_updated_expert_bias, rate
// 1e-3; OLMo-core: nn/moe/router.py, post_batch (bias_gamma).

#include "balance/controller_variants.h"

namespace moesim {
namespace {

struct SignParams {
  double rate = 1e-3;
  std::int64_t freeze_after = 0;
};
void describe(Fields<SignParams>& f) {
  f.add("rate", &SignParams::rate).range(0.0, kLargestRate).doc("what the bias moves by in a step");
  f.add("freeze_after", &SignParams::freeze_after)
      .range(1, 1000000000)
      .word("never", 0)
      .doc("steps after which the bias stays as it is");
}

class LossFreeSign final : public Controller {
 public:
  explicit LossFreeSign(const SignParams& params) : params_(params) {}
  ControllerTraits traits() const override { return {}; }

 private:
  void update(const ControlRecord& record, ControllerState& state) const override {
    if (params_.freeze_after > 0 && state.step > static_cast<std::uint64_t>(params_.freeze_after)) {
      return;
    }
    const double mean = mean_load(record.loads);
    for (std::size_t e = 0; e < state.bias.size(); ++e) {
      state.bias[e] += params_.rate * direction(mean, record.loads[e]);
    }
  }

  SignParams params_;
};

}  // namespace

ControllerEntry controller_loss_free_sign() {
  return {.name = "loss_free_sign",
          .summary = "a fixed step of the bias towards balance",
          .origin =
              "Wang et al. 2024, arXiv:2408.15664, algorithm 1; DeepSeek-V3, arXiv:2412.19437; "
              "Megatron-LM megatron/core/transformer/moe/moe_utils.py; OLMo-core "
              "src/olmo_core/nn/moe/router.py",
          .source_kind = "paper and code",
          .unit = "score (sigmoid)",
          .fields = [] { return fields_of<SignParams>().infos(); },
          .make = make_plain_controller<SignParams, LossFreeSign>};
}

}  // namespace moesim
