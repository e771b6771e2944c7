#include "engine/streamed_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

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

namespace {

// Makes and routes the tokens of a step. A plan says more than assignments only where something is dropped.
void run_alone(const RunState& state, Index step, Lane& lane) {
  const Experiment& experiment = state.experiment;
  const MoeLayer& layer = state.stack.layers.front();
  experiment.workload->batch_into(lane.context, step, lane.batch);
  if (experiment.capacity || experiment.router->traits().choice == Choice::soft) {
    load_batch(lane.batch, lane.workspace);
    lane.seconds =
        run_moe_step({experiment, state.stack, lane.context}, lane.batch, lane.workspace,
                     [&](const LayerEvent& event) { summarise(event, layer.experts, lane.summary); });
    return;
  }
  const Stopwatch watch;
  experiment.router->route_into(
      {lane.batch, lane.batch.logits.view(), layer.state, experiment.seed, 0, lane.context},
      lane.workspace.routing);
  lane.seconds = {.route = watch.seconds()};
  summarise_dropless(std::get<Assignments>(lane.workspace.routing), layer.experts, lane.summary);
}

// Lets threads go on one after the other, in the order of their steps.
class Turns {
 public:
  explicit Turns(Index first) : next_(first) {}

  // Waits for all steps before this one. False: another thread has failed.
  template <class Body>
  bool take(Index step, const Body& body) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failed_ || next_ == step; });
    if (failed_) {
      return false;
    }
    body();
    ++next_;
    changed_.notify_all();
    return true;
  }
  void fail() {
    const std::scoped_lock lock(mutex_);
    failed_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Index next_;
  bool failed_ = false;
};

}  // namespace

// Whoever has a step to wait for waits for a thread that is at work on it: a thread takes the next number
// only when it begins, and no two blocks share a thread.
void stream_steps(RunState& state, Recorder& recorder, Index first) {
  const Index steps = state.experiment.workload->steps();
  std::vector<std::unique_ptr<Lane>> lanes;
  for (Index i = 0; i < std::min<Index>(state.context.threads(), steps - first); ++i) {
    lanes.push_back(std::make_unique<Lane>());
  }
  std::atomic<Index> next = first;
  Turns turns(first);
  state.context.for_each_block(std::ssize(lanes), [&](Index i) {
    Lane& lane = *lanes[static_cast<std::size_t>(i)];
    try {
      bool going = true;
      for (Index step = next++; going && step < steps; step = next++) {
        run_alone(state, step, lane);
        going = turns.take(step, [&] {
          recorder.add(0, lane.summary);
          recorder.end_step(step, lane.seconds, lane.workspace.x.view());
          after_steps(state, step + 1);
        });
      }
    } catch (...) {
      turns.fail();
      throw;
    }
  });
}

}  // namespace moesim
