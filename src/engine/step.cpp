#include "engine/step.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/stopwatch.h"
#include "dispatch/soft_mix.h"
#include "experts/combine.h"
#include "experts/project.h"

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

ExecutorScratch& scratch_for(const Executor& executor, std::unique_ptr<ExecutorScratch>& scratch) {
  if (scratch == nullptr) {
    scratch = executor.make_scratch();
  }
  return *scratch;
}

// Every token through the one expert of a bank, into `out`.
void run_one_expert(const Executor& executor, const ExpertBank& bank, MutableMatrixView out, Workspace& w,
                    const Context& context) {
  const Index begin[] = {0, out.rows};
  ExecutorScratch& scratch = scratch_for(executor, w.one_expert);
  const ExpertRows rows{.bank = bank, .expert_begin = begin, .in = {.from = w.normed.view()}, .out = out};
  executor.gather(rows, scratch, context);
  executor.run(rows, scratch, context);
}

// What the routed experts see of the tokens: all of it, or W↓x.
MatrixView enter_latent(const LatentMaps& maps, Workspace& w, const Context& context) {
  if (maps.none()) {
    return w.normed.view();
  }
  w.latent_in.resize(w.x.rows(), maps.down.rows());
  w.latent_out.resize(w.x.rows(), maps.down.rows());
  project_rows(maps.down, w.normed.view(), w.latent_in.view(), context);
  return w.latent_in.view();
}

void leave_latent(const LatentMaps& maps, Workspace& w, const Context& context) {
  if (maps.norm) {
    rms_norm(w.latent_out.view(), w.latent_out.view(), context);
  }
  project_rows(maps.up, w.latent_out.view(), w.y.view(), context);
}

// What a soft routing leaves for those who look at choices: none for any token.
Assignments no_choices(const SoftMix& mix) {
  Assignments none;
  none.num_experts = mix.num_experts;
  none.begin.assign(static_cast<std::size_t>(mix.dispatch.rows()) + 1, 0);
  return none;
}

// Where the rows of the experts come from and what they are multiplied by.
struct RowPlan {
  std::span<const Index> expert_begin;
  std::span<const std::int32_t> token = {};
  std::span<const float> in_weight = {};
  std::span<const float> out_weight = {};
};

// A layer from its routing to workspace.y. enter(hidden) is what the rows are taken from, given what the
// experts see of the tokens; leave(rows, begin, y) sums the experts' rows up for the tokens, beginning with
// `begin` where it has rows.
template <class Enter, class Leave>
void run_experts(const MoeRun& run, const MoeLayer& layer, const RowPlan& plan, const Enter& enter,
                 const Leave& leave, Workspace& w, StageSeconds& seconds) {
  const Context& context = run.context;
  const bool latent = !layer.latent.none();
  const bool shared = !layer.shared.none();
  Stopwatch watch;
  context.name_stage("experts");
  const MatrixView hidden = enter_latent(layer.latent, w, context);
  seconds.experts += watch.lap();
  context.name_stage("dispatch");
  const Executor& executor = *run.experiment.executor.executor;
  ExecutorScratch& scratch = scratch_for(executor, w.experts);
  w.rows_out.resize(plan.expert_begin.back(), hidden.cols);
  const ExpertRows rows{.bank = layer.experts,
                        .expert_begin = plan.expert_begin,
                        .in = {enter(hidden), plan.token, plan.in_weight},
                        .out_weight = plan.out_weight,
                        .out = w.rows_out.view()};
  executor.gather(rows, scratch, context);
  seconds.dispatch += watch.lap();
  context.name_stage("experts");
  executor.run(rows, scratch, context);
  w.shared_out.resize(shared ? w.x.rows() : 0, w.x.cols());
  if (shared) {
    run_one_expert(executor, layer.shared.ffn, w.shared_out.view(), w, context);
  }
  seconds.experts += watch.lap();
  context.name_stage("combine");
  // A sum that begins with the shared output saves a pass over it; W↑ and gates allow no such beginning.
  const bool begin_with_shared = shared && !latent && layer.shared.kind == SharedKind::plain;
  leave(w.rows_out.view(), begin_with_shared ? MatrixView(w.shared_out.view()) : MatrixView(),
        latent ? w.latent_out.view() : w.y.view());
  seconds.combine += watch.lap();
  if (latent) {
    context.name_stage("experts");
    leave_latent(layer.latent, w, context);
    seconds.experts += watch.lap();
  }
  if (shared && !begin_with_shared) {
    context.name_stage("combine");
    add_shared(layer.shared, {w.normed.view(), w.shared_out.view(), w.y.view()}, context);
    seconds.combine += watch.lap();
  }
}

void run_assignments(const MoeRun& run, const MoeLayer& layer, const DispatchPlan& plan, Workspace& w,
                     StageSeconds& seconds) {
  const bool on_input = plan.weight_on == WeightOn::input;
  RowPlan rows{.expert_begin = plan.expert_begin, .token = plan.row_token};
  (on_input ? rows.in_weight : rows.out_weight) = plan.row_weight;
  const auto enter = [](MatrixView hidden) { return hidden; };
  const auto leave = [&](MatrixView from, MatrixView begin, MutableMatrixView y) {
    combine(plan, from, begin, y, run.context);
  };
  run_experts(run, layer, rows, enter, leave, w, seconds);
  Stopwatch watch;
  add_pass_through(plan, w.normed.view(), w.y.view(), run.context);
  seconds.combine += watch.lap();
}

// The same of a soft router: the rows are its slots.
void run_soft_mix(const MoeRun& run, const MoeLayer& layer, const SoftMix& mix, Workspace& w,
                  StageSeconds& seconds) {
  const std::vector<Index> begin_of = slot_begin(mix);
  const auto enter = [&](MatrixView hidden) -> MatrixView {
    w.slots.resize(begin_of.back(), hidden.cols);
    mix_in(mix, hidden, w.slots.view(), run.context);
    return w.slots.view();
  };
  const auto leave = [&](MatrixView rows, MatrixView begin, MutableMatrixView y) {
    mix_out(mix, rows, y, run.context);
    if (begin.rows > 0) {
      add_rows(begin, y, run.context);
    }
  };
  run_experts(run, layer, {.expert_begin = begin_of}, enter, leave, w, seconds);
}

}  // namespace

void load_batch(const TokenBatch& batch, Workspace& workspace) {
  workspace.x.resize(batch.hidden.rows(), batch.hidden.cols());
  if (batch.num_tokens() > 0 && batch.hidden.cols() > 0) {
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
    const auto number = static_cast<std::uint32_t>(l);
    Stopwatch watch;
    const bool given = batch.logits.rows() > 0;
    if (!given) {
      run.context.name_stage("norm");
      rms_norm(w.x.view(), w.normed.view(), run.context);
    }
    seconds.norm += watch.lap();
    run.context.name_stage("gate");
    if (traits.needs_logits && !given) {
      w.logits.resize(tokens, layer.gate.weight.rows());
      w.noise_deviation.resize(layer.gate.noise_weight.rows() > 0 ? tokens : 0, w.logits.cols());
      gate_logits(layer.gate,
                  {.hidden = w.normed.view(),
                   .seed = experiment.seed,
                   .layer = number,
                   .first_token = batch.first_token},
                  {w.logits.view(), w.noise_deviation.view()}, run.context);
    }
    const MatrixView logits = given ? batch.logits.view() : w.logits.view();
    seconds.gate += watch.lap();
    run.context.name_stage("route");
    experiment.router->route_into(
        {batch, logits, layer.state, experiment.seed, number, run.context, w.noise_deviation.view()},
        w.routing);
    seconds.route += watch.lap();
    const SoftMix* mix = std::get_if<SoftMix>(&w.routing);
    const Assignments none = mix != nullptr ? no_choices(*mix) : Assignments{};
    const Assignments& assignments = mix != nullptr ? none : std::get<Assignments>(w.routing);
    const DispatchPlan& plan = w.plan;
    make_plan_into({.assignments = assignments,
                    .rule = experiment.capacity ? &*experiment.capacity : nullptr,
                    .top_k = traits.top_k,
                    .logits = traits.needs_logits && mix == nullptr ? logits : MatrixView{},
                    .seed = experiment.seed,
                    .first_token = batch.first_token,
                    .layer = number},
                   w.plan);
    seconds.plan += watch.lap();
    if (sink) {
      sink({static_cast<Index>(l), batch, logits, assignments, plan, mix});
      watch.lap();
    }
    if (experiment.execute) {
      if (mix != nullptr) {
        run_soft_mix(run, layer, *mix, w, seconds);
      } else {
        run_assignments(run, layer, plan, w, seconds);
      }
      watch.lap();
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
    run_one_expert(executor, layer, w.y.view(), w, context);
    seconds.experts += watch.lap();
    add_rows(w.y.view(), w.x.view(), context);
    seconds.norm += watch.lap();
  }
  return seconds;
}

}  // namespace moesim
