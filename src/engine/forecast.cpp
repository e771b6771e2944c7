// What a run will take, from the sizes and a short timing of the yardstick.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/checked.h"
#include "core/stopwatch.h"
#include "engine/estimate.h"
#include "engine/roofline.h"
#include "engine/run.h"
#include "engine/same_time.h"
#include "engine/verdict.h"
#include "engine/yardstick.h"
#include "experts/dense.h"
#include "metrics/flatten.h"
#include "metrics/parameters.h"

namespace moesim {
namespace {

// Where weights are read from memory rather than used often; a cautious figure for the machines people have.
constexpr double kBytesPerSecond = 1e10;
// dense_same_total and dense_same_time are left out where the minimum would be longer than so many budgets.
constexpr double kMostBudgets = 3.0;

double forecast_seconds(const LayerCost& cost, const Experiment& experiment, double flops_per_second) {
  const double tokens = static_cast<double>(experiment.workload->tokens());
  const double layers = static_cast<double>(experiment.shape.num_layers);
  return layers * tokens *
         std::max(cost.flops_per_token / flops_per_second, cost.bytes_per_token / kBytesPerSecond);
}

// What the MoE is expected to take, by a yardstick of so many operations a second.
struct TimeEstimate {
  double seconds_per_step;
  double flops_per_second;
  int threads;
};

LayerCost nominal_cost(const Experiment& experiment) {
  return nominal_layer_cost(experiment, {.shape = experiment.shape,
                                         .tokens = experiment.workload->tokens(),
                                         .ffn_experts = nominal_ffn_experts(
                                             experiment.shape, nominal_experts_per_token(experiment))});
}

LayerCost dense_cost(const Experiment& experiment, Index width) {
  return dense_layer_cost(experiment.shape,
                          {.width = width,
                           .tokens = static_cast<std::uint64_t>(experiment.workload->tokens()),
                           .weight_type = experiment.executor.executor->weight_type()});
}

// Of dense_same_time: the width expected to take the MoE's time.
Index expected_width(const Experiment& experiment, Baseline baseline, const TimeEstimate& moe) {
  const LayerShape& shape = experiment.shape;
  switch (baseline) {
    case Baseline::dense_same_active:
      return dense_same_active_width(
          shape,
          matched_experts(experiment, nominal_ffn_experts(shape, nominal_experts_per_token(experiment))));
    case Baseline::dense_same_total:
      return dense_same_total_width(shape);
    case Baseline::dense_same_flops:
      return dense_same_flops_width(shape, nominal_cost(experiment).flops_per_token);
    case Baseline::dense_same_time:
      return nearest_width(same_time_widths(experiment, moe.threads),
                           moe.seconds_per_step /
                               forecast_seconds(dense_cost(experiment, 1), experiment, moe.flops_per_second));
  }
  return 0;
}

// All but the memory.
RunForecast forecast_time(const Experiment& experiment, const RunOptions& options, double rate) {
  const MachineInfo machine = read_machine();
  RunForecast forecast;
  forecast.threads = resolve_threads(experiment, options, machine);
  forecast.budget_s = options.budget_s.value_or(experiment.measure.budget_s);
  forecast.yardstick_gflops = rate / 1e9;

  const LayerShape& shape = experiment.shape;
  LayerCost moe = nominal_cost(experiment);
  if (!experiment.execute) {
    moe.flops_per_token =
        experiment.workload->num_logits() > 0
            ? 0.0
            : 2.0 * static_cast<double>(experiment.router->num_logits()) * static_cast<double>(shape.d_model);
    moe.bytes_per_token = 0;
  }
  const auto layers = static_cast<std::uint64_t>(shape.num_layers);
  const std::uint64_t moe_bytes = experiment.execute ? nominal_cost(experiment).weight_bytes * layers : 0;
  const bool streams = !experiment.execute && experiment.workload->num_logits() > 0;
  const double step = streams
                          ? streamed_seconds(experiment, forecast.threads)
                          : forecast_seconds(moe, experiment, rate) +
                                static_cast<double>(shape.num_layers) *
                                    routing_seconds(shape, experiment.workload->tokens(), forecast.threads);
  forecast.variants.push_back({"moe", 0, step, moe_bytes, ""});
  double round = forecast.variants.front().seconds_per_step;
  double rounds = static_cast<double>(experiment.measure.min_samples);
  const TimeEstimate moe_time{round, rate, forecast.threads};
  for (const Baseline baseline : experiment.baselines) {
    const Index width = expected_width(experiment, baseline, moe_time);
    const LayerCost cost = dense_cost(experiment, width);
    forecast.variants.push_back({std::string(enum_text(baseline)), width,
                                 forecast_seconds(cost, experiment, rate), cost.weight_bytes * layers, ""});
  }
  // The search comes last: its trials are rounds of all the others.
  for (const bool searched : {false, true}) {
    for (std::size_t i = 0; i < experiment.baselines.size(); ++i) {
      const Baseline baseline = experiment.baselines[i];
      if (searched != (baseline == Baseline::dense_same_time)) {
        continue;
      }
      VariantForecast& variant = forecast.variants[i + 1];
      const double rounds_with = rounds + (searched ? kFewestSearchRounds : 0.0);
      const double minimum = (round + variant.seconds_per_step) * rounds_with;
      const bool may_be_long = searched || baseline == Baseline::dense_same_total;
      if (may_be_long && minimum > kMostBudgets * forecast.budget_s) {
        variant.skipped = fmt::format("needs {:.0f} s for {} samples{}, the budget is {:g} s", minimum,
                                      experiment.measure.min_samples,
                                      searched ? " and the search of its width" : "", forecast.budget_s);
      } else {
        round += variant.seconds_per_step;
        rounds = rounds_with;
      }
    }
  }
  double fewest = moe.bytes_per_token * static_cast<double>(experiment.workload->tokens());
  for (const VariantForecast& variant : forecast.variants) {
    if (variant.width > 0 && variant.skipped.empty()) {
      fewest =
          std::min(fewest, static_cast<double>(variant.weight_bytes) / static_cast<double>(shape.num_layers));
    }
  }
  forecast.layers_for_cold = fewest > 0 ? static_cast<Index>(std::ceil(cold_threshold(machine) / fewest)) : 1;
  forecast.record_seconds =
      forecast.variants.front().seconds_per_step * static_cast<double>(experiment.workload->steps());
  forecast.minimum_seconds = round * rounds;
  return forecast;
}

}  // namespace

double measure_yardstick(const Experiment& experiment, const ContextOptions& options) {
  const Context context(options);
  Yardstick yardstick(*experiment.executor.executor, context);
  double best = 1e9;
  const Stopwatch watch;
  for (int i = 0; i < 4 && (i == 0 || watch.seconds() < 0.05); ++i) {
    best = std::min(best, yardstick.run(context));
  }
  return Yardstick::flops() / best;
}

RunForecast forecast_run(const Experiment& experiment, const RunOptions& options) {
  const int threads = resolve_threads(experiment, options, read_machine());
  return forecast_run(experiment, options, measure_yardstick(experiment, {.threads = threads}));
}

RunForecast forecast_run(const Experiment& experiment, const RunOptions& options, double rate) {
  RunForecast forecast = forecast_time(experiment, options, rate);
  const MemoryEstimate memory =
      estimate_memory(experiment, forecast.threads, baselines_that_run(experiment, forecast));
  forecast.bytes = memory.total;
  for (const MemoryItem& item : memory.items) {
    forecast.memory.emplace_back(item.what, item.bytes);
  }
  const MachineInfo machine = read_machine();
  const BuildInfo build = build_info();
  if (const std::uint64_t bytes = share_bytes({experiment, options, machine, build}, forecast); bytes > 0) {
    forecast.measures_shares = true;
    forecast.memory.emplace_back("shares of the limits", bytes);
    forecast.bytes += bytes;
  }
  return forecast;
}

std::vector<Baseline> baselines_that_run(const Experiment& experiment, const RunForecast& forecast) {
  std::vector<Baseline> baselines;
  for (std::size_t i = 0; i < experiment.baselines.size(); ++i) {
    if (forecast.variants[i + 1].skipped.empty()) {
      baselines.push_back(experiment.baselines[i]);
    }
  }
  return baselines;
}

FlatRow flatten(const RunForecast& forecast, const Experiment& experiment) {
  FlatRow row;
  const auto add = [&row](std::string name, FlatValue value) {
    row.push_back({std::move(name), std::move(value)});
  };
  const auto count = [&add](std::string name, std::uint64_t value) {
    add(std::move(name), static_cast<std::int64_t>(value));
  };
  add("schema", std::string("moesim.forecast/1"));
  add("name", experiment.name);
  add("config", experiment.source.name);
  const FlatRow settings = flatten_settings(experiment.resolved);
  row.insert(row.end(), settings.begin(), settings.end());
  for (const VariantForecast& variant : forecast.variants) {
    const std::string prefix = "f." + variant.name + ".";
    add(prefix + "step_seconds", variant.seconds_per_step);
    count(prefix + "weight_bytes", variant.weight_bytes);
    if (variant.width > 0) {
      add(prefix + "width", static_cast<std::int64_t>(variant.width));
    }
    if (!variant.skipped.empty()) {
      add(prefix + "skipped", variant.skipped);
    }
  }
  add("f.record_seconds", forecast.record_seconds);
  add("f.minimum_seconds", forecast.minimum_seconds);
  add("f.budget_s", forecast.budget_s);
  count("f.memory_bytes", forecast.bytes);
  for (const auto& [what, bytes] : forecast.memory) {
    std::string name = what;
    std::replace(name.begin(), name.end(), ' ', '_');
    count("f.memory_bytes." + name, bytes);
  }
  add("f.layers_for_cold", static_cast<std::int64_t>(forecast.layers_for_cold));
  add("f.threads", static_cast<std::int64_t>(forecast.threads));
  add("f.yardstick_gflops", forecast.yardstick_gflops);
  return row;
}

}  // namespace moesim
