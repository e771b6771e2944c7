#include "engine/streamed_steps.h"

#include <fmt/format.h>

#include <memory>

#include "core/error.h"

namespace moesim {
namespace {

constexpr Index kDetailedSteps = 16;

// One thread's.
struct Lane {
  Lane() : context({.threads = 1}) {}
  Context context;
  TokenBatch batch;
  Workspace workspace;
  LayerSummary summary;
  StageSeconds seconds;
};

}  // namespace

Index steps_before_stream(const RunState& state) {
  const Experiment& experiment = state.experiment;
  const Index steps = experiment.workload->steps();
  const bool alone = !experiment.execute && experiment.workload->num_logits() > 0 &&
                     !state.options.on_layer &&
                     (!experiment.balance || experiment.balance->controllers.empty());
  return alone ? std::min(steps, state.options.detail ? kDetailedSteps : 1) : steps;
}

void after_steps(const RunState& state, Index done) {
  const Index steps = state.experiment.workload->steps();
  state.progress("recording", static_cast<double>(done) / static_cast<double>(steps));
  if (state.stop_requested()) {
    throw Error(ErrorKind::interrupted,
                fmt::format("stopped after {} of {} recorded steps; nothing was measured", done, steps));
  }
}

void stream_steps(RunState& state, Recorder& recorder, Index first) {
  const Index steps = state.experiment.workload->steps();
  const Index at_once = state.context.threads();
  const ExpertBank& bank = state.stack.layers.front().experts;
  std::vector<std::unique_ptr<Lane>> lanes;
  for (Index i = 0; i < std::min(at_once, steps - first); ++i) {
    lanes.push_back(std::make_unique<Lane>());
  }
  for (; first < steps; first += at_once) {
    const Index count = std::min(at_once, steps - first);
    state.context.for_each_block(count, [&](Index i) {
      Lane& lane = *lanes[static_cast<std::size_t>(i)];
      state.experiment.workload->batch_into(lane.context, first + i, lane.batch);
      load_batch(lane.batch, lane.workspace);
      lane.seconds = run_moe_step({state.experiment, state.stack, lane.context}, lane.batch, lane.workspace,
                                  [&](const LayerEvent& event) { summarise(event, bank, lane.summary); });
    });
    for (Index i = 0; i < count; ++i) {
      const Lane& lane = *lanes[static_cast<std::size_t>(i)];
      recorder.add(0, lane.summary);
      recorder.end_step(first + i, lane.seconds, lane.workspace.x.view());
    }
    after_steps(state, first + count);
  }
}

}  // namespace moesim
