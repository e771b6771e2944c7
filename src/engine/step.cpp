#include "engine/step.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/stopwatch.h"
#include "dispatch/gather.h"
#include "dispatch/soft_mix.h"
#include "experts/combine.h"

namespace moesim {
namespace {

constexpr Index kRowsPerBlock = 64;
constexpr double kNormEpsilon = 1e-6;

template <class RowBody>
void for_each_row(Index rows, const Context& context, const RowBody& body) {
  context.for_each_block((rows + kRowsPerBlock - 1) / kRowsPerBlock, [&](Index block) {
    const Index first = block * kRowsPerBlock;
    for (Index r = first; r < std::min(rows, first + kRowsPerBlock); ++r) {
      body(r);
    }
  });
}

void add_rows(MatrixView more, MutableMatrixView sum, const Context& context) {
  for_each_row(sum.rows, context, [&](Index r) {
    const std::span<const float> from = more.row(r);
    const std::span<float> to = sum.row(r);
    for (std::size_t i = 0; i < to.size(); ++i) {
      to[i] += from[i];
    }
  });
}

void run_one_expert(const Executor& executor, const ExpertBank& bank, MatrixView in, MutableMatrixView out,
                    const Context& context) {
  const Index begin[] = {0, in.rows};
  executor.run({bank, begin, in, out}, context);
}

// What a soft routing leaves for those who look at choices: none for any token.
Assignments no_choices(const SoftMix& mix) {
  Assignments none;
  none.num_experts = mix.num_experts;
  none.begin.assign(static_cast<std::size_t>(mix.dispatch.rows()) + 1, 0);
  return none;
}

// The layer's experts on rows in expert order, and its shared experts on all tokens.
void run_experts(const MoeRun& run, const MoeLayer& layer, std::span<const Index> expert_begin,
                 Workspace& w) {
  run.context.name_stage("experts");
  const Executor& executor = *run.experiment.executor.executor;
  executor.run({layer.experts, expert_begin, w.rows_in.view(), w.rows_out.view()}, run.context);
  const bool has_shared = layer.shared.num_experts() > 0;
  w.shared_out.resize(has_shared ? w.x.rows() : 0, run.experiment.shape.d_model);
  if (has_shared) {
    run_one_expert(executor, layer.shared, w.normed.view(), w.shared_out.view(), run.context);
  }
}

// The hard-routed part of a layer, from routing to workspace.y.
void run_assignments(const MoeRun& run, const MoeLayer& layer, const DispatchPlan& plan, Workspace& w,
                     StageSeconds& seconds, Stopwatch& watch) {
  const Index width = run.experiment.shape.d_model;
  w.rows_in.resize(plan.num_rows(), width);
  w.rows_out.resize(plan.num_rows(), width);
  run.context.name_stage("dispatch");
  gather_rows(plan, w.normed.view(), w.rows_in.view(), run.context);
  seconds.dispatch += watch.lap();
  run_experts(run, layer, plan.expert_begin, w);
  seconds.experts += watch.lap();
  run.context.name_stage("combine");
  combine(plan, w.rows_out.view(), w.shared_out.view(), w.y.view(), run.context);
  add_pass_through(plan, w.normed.view(), w.y.view(), run.context);
  seconds.combine += watch.lap();
}

// The same of a soft router: the rows are its slots.
void run_soft_mix(const MoeRun& run, const MoeLayer& layer, const SoftMix& mix, Workspace& w,
                  StageSeconds& seconds, Stopwatch& watch) {
  const Index width = run.experiment.shape.d_model;
  w.rows_in.resize(mix.dispatch.cols(), width);
  w.rows_out.resize(mix.dispatch.cols(), width);
  run.context.name_stage("dispatch");
  mix_in(mix, w.normed.view(), w.rows_in.view(), run.context);
  seconds.dispatch += watch.lap();
  run_experts(run, layer, slot_begin(mix), w);
  seconds.experts += watch.lap();
  run.context.name_stage("combine");
  mix_out(mix, w.rows_out.view(), w.y.view(), run.context);
  if (w.shared_out.rows() > 0) {
    add_rows(w.shared_out.view(), w.y.view(), run.context);
  }
  seconds.combine += watch.lap();
}

}  // namespace

void load_batch(const TokenBatch& batch, Workspace& workspace) {
  workspace.x.resize(batch.hidden.rows(), batch.hidden.cols());
  if (batch.num_tokens() > 0) {
    std::memcpy(workspace.x.data(), batch.hidden.data(),
                static_cast<std::size_t>(batch.hidden.rows() * batch.hidden.cols()) * sizeof(float));
  }
}

void rms_norm(MatrixView x, MutableMatrixView out, const Context& context) {
  for_each_row(x.rows, context, [&](Index r) {
    const std::span<const float> from = x.row(r);
    const std::span<float> to = out.row(r);
    double squares = 0;
    for (const float v : from) {
      squares += static_cast<double>(v) * v;
    }
    const auto scale =
        static_cast<float>(1.0 / std::sqrt(squares / static_cast<double>(from.size()) + kNormEpsilon));
    for (std::size_t i = 0; i < to.size(); ++i) {
      to[i] = from[i] * scale;
    }
  });
}

StageSeconds run_moe_step(const MoeRun& run, const TokenBatch& batch, Workspace& w, const LayerSink& sink) {
  const Experiment& experiment = run.experiment;
  const RouterTraits traits = experiment.router->traits();
  const Index tokens = w.x.rows();
  w.normed.resize(tokens, w.x.cols());
  w.y.resize(tokens, w.x.cols());
  StageSeconds seconds;
  for (std::size_t l = 0; l < run.stack.layers.size(); ++l) {
    const MoeLayer& layer = run.stack.layers[l];
    Stopwatch watch;
    run.context.name_stage("norm");
    rms_norm(w.x.view(), w.normed.view(), run.context);
    seconds.norm += watch.lap();
    run.context.name_stage("gate");
    if (traits.needs_logits) {
      w.logits.resize(tokens, layer.gate.weight.rows());
      gate_logits(layer.gate, w.normed.view(), w.logits.view(), run.context);
    }
    seconds.gate += watch.lap();
    run.context.name_stage("route");
    const auto number = static_cast<std::uint32_t>(l);
    const Routing routing =
        experiment.router->route({batch, w.logits.view(), layer.state, experiment.seed, number, run.context});
    seconds.route += watch.lap();
    const SoftMix* mix = std::get_if<SoftMix>(&routing);
    const Assignments none = mix != nullptr ? no_choices(*mix) : Assignments{};
    const Assignments& assignments = mix != nullptr ? none : std::get<Assignments>(routing);
    const DispatchPlan plan = make_plan({.assignments = assignments,
                                         .rule = experiment.capacity ? &*experiment.capacity : nullptr,
                                         .top_k = traits.top_k,
                                         .seed = experiment.seed,
                                         .first_token = batch.first_token,
                                         .layer = number});
    seconds.plan += watch.lap();
    if (sink) {
      sink({static_cast<Index>(l), batch, w.logits.view(), assignments, plan, mix});
      watch.lap();
    }
    if (experiment.execute) {
      if (mix != nullptr) {
        run_soft_mix(run, layer, *mix, w, seconds, watch);
      } else {
        run_assignments(run, layer, plan, w, seconds, watch);
      }
      run.context.name_stage("norm");
      add_rows(w.y.view(), w.x.view(), run.context);
      seconds.norm += watch.lap();
    }
  }
  return seconds;
}

StageSeconds run_dense_step(const Executor& executor, const DenseStack& stack, Workspace& w,
                            const Context& context) {
  StageSeconds seconds;
  w.normed.resize(w.x.rows(), w.x.cols());
  w.y.resize(w.x.rows(), w.x.cols());
  for (const ExpertBank& layer : stack.layers) {
    Stopwatch watch;
    rms_norm(w.x.view(), w.normed.view(), context);
    seconds.norm += watch.lap();
    run_one_expert(executor, layer, w.normed.view(), w.y.view(), context);
    seconds.experts += watch.lap();
    add_rows(w.y.view(), w.x.view(), context);
    seconds.norm += watch.lap();
  }
  return seconds;
}

}  // namespace moesim
