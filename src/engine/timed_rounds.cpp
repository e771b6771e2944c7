// MoE, dense baselines and yardstick take turns on the same batches.
#include "engine/timed_rounds.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "engine/contest.h"
#include "engine/estimate.h"
#include "engine/roofline.h"
#include "engine/same_time.h"
#include "engine/verdict.h"
#include "engine/yardstick.h"
#include "experts/dense.h"

namespace moesim {
namespace {

// A sample shorter than this is several steps in a row.
constexpr double kShortestSample = 1e-3;

StageSeconds median_stages(const std::vector<StageSeconds>& samples, int repeats) {
  StageSeconds result;
  for (double StageSeconds::*stage :
       {&StageSeconds::norm, &StageSeconds::gate, &StageSeconds::route, &StageSeconds::plan,
        &StageSeconds::dispatch, &StageSeconds::experts, &StageSeconds::combine}) {
    std::vector<double> values;
    for (const StageSeconds& sample : samples) {
      values.push_back(sample.*stage / repeats);
    }
    result.*stage = median(values);
  }
  return result;
}

void warm_up(RunState& state, std::vector<Contestant>& contestants, int repeats) {
  prepare_round(state, 0, repeats);
  for (Contestant& contestant : contestants) {
    contestant.result.warm_up_seconds = contestant.run() / repeats;
  }
  state.stages.clear();
  std::fill(state.busy.begin(), state.busy.end(), 0.0);
}

void fill_timing(RunState& state, const std::vector<Contestant>& contestants, int repeats,
                 RunRecord& record) {
  TimingResult& timing = record.timing;
  timing.repeats = repeats;
  timing.stages = median_stages(state.stages, repeats);
  timing.effective_cores = state.core_samples.empty() ? 1.0 : median(state.core_samples);
  const double busiest = *std::max_element(state.busy.begin(), state.busy.end());
  double sum = 0;
  for (const double busy : state.busy) {
    timing.participants += busy > 0 ? 1 : 0;
    sum += busy;
  }
  timing.worker_balance = busiest > 0 ? sum / (busiest * static_cast<double>(state.busy.size())) : 0;
  timing.coldest_bytes_read = 0;
  for (const Contestant& contestant : contestants) {
    if (contestant.result.name == "yardstick") {
      const double own = contestants.front().result.gflops;
      timing.yardstick_ratio =
          record.executed && contestant.result.gflops > 0 ? own / contestant.result.gflops : 0;
      continue;
    }
    const double read = contestant.result.weight_bytes_read;
    timing.coldest_bytes_read =
        timing.coldest_bytes_read == 0 ? read : std::min(timing.coldest_bytes_read, read);
  }
  judge_weights(record);
}

}  // namespace

Contestant moe_contestant(RunState& state, const RunRecord& record) {
  Contestant moe;
  moe.result.name = "moe";
  moe.result.total_params = record.nominal.total_params;
  moe.result.weight_bytes = record.weight_bytes;
  const Gate& gate = state.stack.layers.front().gate;
  moe.result.flops_per_token = state.experiment.execute ? record.realised.flops_per_token
                                                        : 2.0 * static_cast<double>(gate.num_params());
  moe.result.weight_bytes_read = record.realised.bytes_per_token *
                                 static_cast<double>(record.tokens * state.experiment.shape.num_layers);
  moe.read_weights = weights_reader(state, banks_of(state.stack));
  moe.run = [&state] {
    const MoeRun run{state.experiment, state.stack, state.context};
    StageSeconds sum;
    state.context.reset_participants();
    for (const TokenBatch& batch : state.batches) {
      load_batch(batch, state.workspace);
      sum.add(run_moe_step(run, batch, state.workspace));
    }
    for (std::size_t i = 0; i < state.busy.size(); ++i) {
      state.busy[i] += state.context.busy_seconds(static_cast<int>(i));
    }
    state.stages.push_back(sum);
    sample_rows(state);
    return sum.total();
  };
  return moe;
}

Contestant dense_contestant(RunState& state, const VariantForecast& forecast) {
  Contestant dense;
  const LayerShape& shape = state.experiment.shape;
  const LayerCost cost =
      dense_layer_cost(shape, {.width = forecast.width,
                               .tokens = static_cast<std::uint64_t>(state.experiment.workload->tokens()),
                               .weight_type = state.experiment.executor.executor->weight_type()});
  dense.result.name = forecast.name;
  dense.result.width = forecast.width;
  dense.result.skipped = forecast.skipped;
  dense.result.total_params = cost.total_params;
  dense.result.flops_per_token = cost.flops_per_token;
  if (!forecast.skipped.empty()) {
    return dense;
  }
  const auto stack =
      std::make_shared<DenseStack>(make_dense_stack(state.experiment, forecast.width, state.context));
  dense.result.weight_bytes = stack->weight_bytes();
  dense.result.weight_bytes_read = static_cast<double>(stack->weight_bytes());
  dense.dense = stack;
  dense.read_weights = weights_reader(state, banks_of(*stack));
  dense.run = [&state, stack] {
    double seconds = 0;
    for (const TokenBatch& batch : state.batches) {
      load_batch(batch, state.workspace);
      seconds +=
          run_dense_step(*state.experiment.executor.executor, *stack, state.workspace, state.context).total();
    }
    return seconds;
  };
  return dense;
}

// Declared once more for the report: the same ruler whatever the experiment.
Contestant yardstick_contestant(RunState& state, int repeats) {
  Contestant contestant;
  contestant.result.name = "yardstick";
  contestant.result.tokens = 256;
  contestant.result.flops_per_token = Yardstick::flops() / 256.0;
  const auto yardstick = std::make_shared<Yardstick>(*state.experiment.executor.executor, state.context);
  contestant.run = [&state, yardstick, repeats] { return yardstick->run(state.context) * repeats; };
  return contestant;
}

int choose_repeats(double seconds_per_step, Index most) {
  if (seconds_per_step <= 0) {
    return 1;
  }
  return static_cast<int>(
      std::clamp(std::ceil(kShortestSample / seconds_per_step), 1.0, static_cast<double>(most)));
}

void prepare_round(RunState& state, Index round, int repeats) {
  const Index steps = state.experiment.workload->steps();
  state.batches.clear();
  for (int r = 0; r < repeats; ++r) {
    const Index step = (round * repeats + r) % std::max<Index>(1, steps);
    state.batches.push_back(state.experiment.workload->batch(state.context, step));
  }
}

void time_rounds(RunState& state, const RunForecast& forecast, RunRecord& record) {
  const double step_seconds = record.step_rows.empty() ? 0.0 : record.step_rows.back().seconds;
  const int repeats = choose_repeats(step_seconds, most_batches_in_a_sample(state.experiment));
  std::vector<Contestant> contestants;
  std::vector<VariantResult> skipped;
  const auto add = [&](Contestant contestant, std::size_t at) {
    contestant.result.tokens = record.tokens;
    contestant.result.layers = record.shape.num_layers;
    if (contestant.run) {
      contestants.insert(contestants.begin() + static_cast<std::ptrdiff_t>(at), std::move(contestant));
    } else {
      skipped.push_back(std::move(contestant.result));
    }
  };
  add(moe_contestant(state, record), 0);
  const VariantForecast* searched = nullptr;  // when the others are there
  std::size_t place = 0;
  for (const VariantForecast& variant : forecast.variants) {
    if (variant.name == "moe") {
      continue;
    }
    VariantForecast known = variant;
    const bool varies = (!record.exact_k && record.slots == 0) || record.shape.zero_computation_experts() > 0;
    if (variant.name == enum_text(Baseline::dense_same_active) && varies) {
      known.width =
          dense_same_active_width(record.shape, matched_experts(state.experiment, record.mean_kept_experts));
    } else if (variant.name == enum_text(Baseline::dense_same_flops)) {
      known.width = dense_same_flops_width(record.shape, record.realised.flops_per_token);
    }
    if (variant.name == enum_text(Baseline::dense_same_time)) {
      searched = &variant;
      place = contestants.size();
      continue;
    }
    add(dense_contestant(state, known), contestants.size());
  }
  contestants.push_back(yardstick_contestant(state, repeats));
  if (searched != nullptr) {
    add(same_time_contestant(
            state, {.forecast = *searched, .others = contestants, .place = place, .repeats = repeats}),
        place);
  }
  warm_up(state, contestants, repeats);

  const std::optional<MachineLimits> shares = kernel_shares(state, forecast);
  const double left = std::max(0.0, state.budget_s - state.watch.seconds());
  record.timing.rounds = run_contest(
      contestants, {.seconds = left,
                    .min_rounds = state.experiment.measure.min_samples,
                    .repeats = repeats,
                    .prepare = [&](Index round) { prepare_round(state, round, repeats); },
                    .go_on =
                        [&](Index round, double spent) {
                          if (round < 16 || round % 8 == 0) {
                            sample_limits(state, contestants);
                          }
                          state.progress("measuring", left > 0 ? std::min(1.0, spent / left) : 1.0);
                          record.timing.interrupted = state.stop_requested();
                          return !record.timing.interrupted;
                        }});
  summarise(contestants);
  fill_timing(state, contestants, repeats, record);
  fill_roofline(state, shares, contestants, record);
  for (Contestant& contestant : contestants) {
    record.variants.push_back(std::move(contestant.result));
  }
  record.variants.insert(record.variants.end(), skipped.begin(), skipped.end());
}

}  // namespace moesim
