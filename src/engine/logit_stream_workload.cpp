// The experiment's own logits: its workload, normalised, through the first layer's gate. The workload's
// stream has no end, so neither has this one.

#include <algorithm>

#include "engine/given_layer.h"
#include "engine/logit_stream_variants.h"
#include "engine/step.h"

namespace moesim {
namespace {

struct WorkloadParams {};
void describe(Fields<WorkloadParams>&) {}

class WorkloadStream final : public LogitStream {
 public:
  explicit WorkloadStream(const LogitStreamScene& scene)
      : workload_(*scene.workload),
        seed_(scene.seed),
        num_experts_(scene.num_experts),
        d_model_(scene.d_model),
        rule_(scene.gate_rule),
        given_(scene.given) {}

  FillLogits open() const override {
    if (workload_.num_logits() > 0) {
      return [this](Index step, const GateOutput& out, const Context& context) {
        const TokenBatch batch = workload_.batch(context, step);
        std::copy_n(batch.logits.data(), batch.logits.rows() * batch.logits.cols(), out.logits.data);
      };
    }
    const auto gate = std::make_shared<const Gate>(
        given_ != nullptr ? given_->make_gate(rule_) : make_gate(seed_, 0, num_experts_, d_model_, rule_));
    return [this, gate](Index step, const GateOutput& out, const Context& context) {
      const TokenBatch batch = workload_.batch(context, step);
      Matrix normed(batch.hidden.rows(), batch.hidden.cols());
      rms_norm(batch.hidden.view(), normed.view(), context);
      gate_logits(*gate,
                  {.hidden = normed.view(), .seed = seed_, .layer = 0, .first_token = batch.first_token}, out,
                  context);
    };
  }

 private:
  const Workload& workload_;
  std::uint64_t seed_;
  Index num_experts_;
  Index d_model_;
  GateRule rule_;
  const GivenLayer* given_;
};

std::unique_ptr<LogitStream> make_workload_stream(Binder& binder, const Node& section,
                                                  const LogitStreamScene& scene) {
  WorkloadParams params;
  return LogitStreamBinding{binder, section, scene}.read(params) ? std::make_unique<WorkloadStream>(scene)
                                                                 : nullptr;
}

}  // namespace

LogitStreamEntry logit_stream_workload() {
  return {"workload", "the workload's tokens through the first layer's gate",
          [] { return fields_of<WorkloadParams>().infos(); }, make_workload_stream};
}

}  // namespace moesim
