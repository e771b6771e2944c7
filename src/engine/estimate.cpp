#include "engine/estimate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/checked.h"
#include "core/error.h"
#include "engine/given_layer.h"
#include "engine/yardstick.h"
#include "experts/dense.h"
#include "experts/latent.h"
#include "experts/shared.h"
#include "metrics/parameters.h"

namespace moesim {
namespace {

std::uint64_t u64(Index value) {
  return static_cast<std::uint64_t>(value);
}

std::uint64_t floats(std::initializer_list<std::uint64_t> factors, const char* what) {
  return checked_mul(checked_product(factors, what), sizeof(float), what);
}

// Float32 weights of all layers.
std::uint64_t weight_bytes(const LayerShape& shape, std::uint64_t params) {
  return checked_product({params, sizeof(float), u64(shape.num_layers)}, "the weights");
}

// `count` experts of one shape in each layer, as the executor packs them.
std::uint64_t ffn_bytes(const Experiment& experiment, const LayerShape& shape, const FfnShape& ffn,
                        Index count) {
  return checked_product({experiment.executor.executor->expert_bytes(ffn), u64(count), u64(shape.num_layers)},
                         "the weights");
}

Index batches_in_a_sample(std::uint64_t bytes_of_batch) {
  constexpr std::uint64_t kMostBytes = std::uint64_t{16} << 20;
  constexpr std::uint64_t kMost = 1000;
  return static_cast<Index>(
      std::clamp<std::uint64_t>(kMostBytes / std::max<std::uint64_t>(1, bytes_of_batch), 1, kMost));
}

struct Sizes {
  LayerShape shape;
  Index tokens;
};

bool makes_logits(const Experiment& experiment) {
  return experiment.workload->num_logits() > 0;
}

// The vectors of a batch, or the logits where the workload makes those instead.
std::uint64_t batch_bytes(const Experiment& experiment, const Sizes& sizes) {
  const Index width = makes_logits(experiment) ? sizes.shape.pool_size() : sizes.shape.d_model;
  return floats({u64(sizes.tokens), u64(width)}, "the batch");
}

// The most ffn experts of a token, in the mean over a batch.
double most_ffn_experts(const Experiment& experiment, const LayerShape& shape) {
  const RouterTraits traits = experiment.router->traits();
  const double nominal = nominal_experts_per_token(experiment);
  const auto all = static_cast<double>(shape.num_experts);
  return traits.choice == Choice::soft ? nominal : traits.any_number ? all : std::min(all, nominal);
}

WidthRange widths_of(const Experiment& experiment, const Sizes& sizes, int threads) {
  const auto& [shape, tokens] = sizes;
  return widths_to_try(
      {.shape = shape,
       .moe = nominal_layer_cost(
           experiment,
           {.shape = shape, .tokens = tokens, .ffn_experts = most_ffn_experts(experiment, shape)}),
       .routing_seconds = routing_seconds(shape, tokens, threads),
       .tokens = tokens,
       .weight_type = experiment.executor.executor->weight_type()});
}

// Wide enough for what the run will turn out to need.
Index most_width(const Experiment& experiment, Baseline baseline, const Sizes& sizes, int threads) {
  const LayerShape& shape = sizes.shape;
  switch (baseline) {
    case Baseline::dense_same_active:
      return dense_same_active_width(shape,
                                     matched_experts(experiment, nominal_experts_per_token(experiment)));
    case Baseline::dense_same_total:
      return dense_same_total_width(shape);
    case Baseline::dense_same_flops:
      return dense_same_flops_width(
          shape, nominal_layer_cost(experiment, {.shape = shape,
                                                 .tokens = sizes.tokens,
                                                 .ffn_experts = most_ffn_experts(experiment, shape)})
                     .flops_per_token);
    case Baseline::dense_same_time:
      return widths_of(experiment, sizes, threads).widest;
  }
  return 0;
}

Index logits_per_expert(const Router& router) {
  return router.num_logits() / std::max<Index>(1, router.num_experts());
}

// Bytes of an assignment: in the routing (expert, weight and score), in the list that its hash is made of, in
// the plan.
constexpr std::uint64_t kRowOfRouting = 12;
constexpr std::uint64_t kRowOfHash = 13;
constexpr std::uint64_t kRowOfPlan = 25;
constexpr std::uint64_t kBytesPerExpertAndLayer = 64;
constexpr std::uint64_t kBytesPerScore = 16;  // of a router that looks at whole batches

// What one step of a stream keeps beside its batch. Where nobody knows how many experts a token will have,
// lists grow, to twice what they need.
std::uint64_t streamed_routing_bytes(const Experiment& experiment, std::uint64_t tokens, std::uint64_t rows,
                                     std::uint64_t row_of_plan) {
  constexpr std::uint64_t kToken = 20;
  const std::uint64_t growth = experiment.router->traits().any_number ? 2 : 1;
  const std::uint64_t row = growth * kRowOfRouting + kRowOfHash + row_of_plan;
  return checked_add(checked_mul(rows, row, "the assignments"),
                     checked_mul(tokens, kToken, "the assignments"), "the assignments");
}

struct StreamSizes {
  int threads = 1;
  std::uint64_t rows = 0;
  std::uint64_t batch = 0;  // bytes
};

// Of the threads that work on steps of their own, beyond what the first step and the rounds need before and
// after them: batches, and once the work of a router that looks at whole batches.
std::uint64_t steps_at_a_time_bytes(const Experiment& experiment, const Sizes& sizes, const StreamSizes& of) {
  const char* what = "the steps at a time";
  const RouterTraits traits = experiment.router->traits();
  const bool soft = traits.choice == Choice::soft;
  const auto tokens = u64(sizes.tokens);
  const std::uint64_t lanes =
      u64(std::clamp<Index>(experiment.workload->steps() - 1, 0, std::max(1, of.threads)));
  const std::uint64_t routing =
      soft ? floats({tokens, of.rows, 2}, what)
           : streamed_routing_bytes(experiment, tokens, of.rows, experiment.capacity ? kRowOfPlan : 0);
  const std::uint64_t counts = checked_mul(u64(sizes.shape.pool_size()), kBytesPerExpertAndLayer, what);
  std::uint64_t lane = checked_add(experiment.workload->memory_bytes(sizes.tokens, sizes.shape.d_model),
                                   checked_add(routing, counts, what), what);
  std::uint64_t there = checked_mul(of.batch, u64(batches_in_a_sample(of.batch)), what);
  if (!traits.row_local && !soft) {
    // Measured: what a thread frees stays with it, up to a limit.
    constexpr std::uint64_t kKept = std::uint64_t{96} << 20;
    const std::uint64_t scores = checked_mul(tokens, u64(sizes.shape.pool_size()), what);
    lane = checked_add(
        lane, std::max(checked_mul(scores, 10, what), std::min(kKept, checked_mul(scores, 64, what))), what);
    there = checked_add(there, checked_mul(scores, kBytesPerScore, what), what);
  }
  const std::uint64_t all = checked_mul(lanes, lane, what);
  return all > there ? all - there : 0;
}

MemoryEstimate estimate(const Experiment& experiment, const Sizes& sizes, int threads,
                        const std::vector<Baseline>& baselines) {
  const LayerShape& shape = sizes.shape;
  const std::uint64_t tokens = u64(sizes.tokens);
  const std::uint64_t width = makes_logits(experiment) ? 0 : u64(shape.d_model);
  const RouterTraits traits = experiment.router->traits();
  const std::uint64_t per_token =
      u64(traits.any_number ? shape.pool_size()
                            : std::min(experts_per_token_bound(experiment), shape.pool_size()));
  const bool soft = experiment.router->traits().choice == Choice::soft;
  const std::uint64_t logits =
      checked_mul(u64(shape.pool_size()), u64(logits_per_expert(*experiment.router)), "the logits");
  MemoryEstimate memory;
  const auto add = [&](std::string_view what, std::uint64_t bytes) {
    memory.items.push_back({std::string(what), bytes});
    memory.total = checked_add(memory.total, bytes, "the memory of the run");
  };
  if (experiment.router->traits().needs_logits && !makes_logits(experiment)) {
    add("gates", floats({logits, checked_add(width, 1, "the gates"), u64(shape.num_layers)}, "the gates"));
    add("logits", floats({tokens, logits}, "the logits"));
    if (experiment.balance && !experiment.balance->controllers.empty()) {
      add("scores for the controller", floats({tokens, logits}, "the scores"));
    }
  }
  const std::uint64_t rows = soft ? logits : checked_mul(tokens, per_token, "the assignments");
  // Measured: counts, sums, hashes and copies of rows for printing, beside the matrices.
  constexpr std::uint64_t kBytesOfProgram = std::uint64_t{28} << 20;
  constexpr std::uint64_t kBytesPerLayer = 4096;
  constexpr std::uint64_t kBytesPerExpert = 512;
  add("the program itself", kBytesOfProgram);
  add("counts",
      checked_add(
          checked_add(checked_mul(u64(shape.num_layers), kBytesPerLayer, "the counts"),
                      checked_mul(u64(shape.pool_size()), kBytesPerExpert, "the counts"), "the counts"),
          checked_product({u64(shape.num_layers), u64(shape.pool_size()), kBytesPerExpertAndLayer},
                          "the counts"),
          "the counts"));
  if (!traits.row_local && !soft) {  // scores of the whole batch by expert, sorted or balanced in double
    add("work of the router",
        checked_product({tokens, u64(shape.pool_size()), kBytesPerScore}, "the work of the router"));
  }
  const bool streams = !experiment.execute && makes_logits(experiment);
  add("routing and plan", soft      ? floats({tokens, logits, 2}, "the mixtures")
                          : streams ? streamed_routing_bytes(experiment, tokens, rows, kRowOfPlan)
                                    : checked_mul(rows, 64, "the assignments"));
  add("tokens", floats({tokens, width, 5}, "the batch"));
  const std::uint64_t batch = batch_bytes(experiment, sizes);
  add("batches made beforehand", checked_mul(batch, u64(batches_in_a_sample(batch) - 1), "the batches"));
  add("workload", experiment.workload->memory_bytes(sizes.tokens, shape.d_model));
  add("yardstick",
      yardstick_bytes(*experiment.executor.executor));  // the forecast's, then that of the rounds
  if (!experiment.execute) {
    if (streams) {
      add("steps at a time", steps_at_a_time_bytes(experiment, sizes, {threads, rows, batch}));
    }
    return memory;
  }
  const Executor& executor = *experiment.executor.executor;
  add("experts", ffn_bytes(experiment, shape, expert_ffn_shape(shape), shape.num_experts));
  if (experiment.given) {
    add("reading the checkpoint", experiment.given->reading_bytes(threads));
  }
  if (shape.constant_experts > 0) {
    add("constant experts", weight_bytes(shape, constant_params(shape)));
  }
  if (shape.has_shared()) {
    const FfnShape shared = shared_ffn_shape(shape);
    const std::uint64_t gate = shared_params(shape) - ffn_params(shared);
    add("shared experts", checked_add(ffn_bytes(experiment, shape, shared, 1), weight_bytes(shape, gate),
                                      "the shared experts"));
  }
  if (shape.latent_width > 0) {
    add("latent maps", weight_bytes(shape, latent_params(shape)));
    add("latent tokens", floats({tokens, u64(shape.latent_width), 2}, "the latent tokens"));
  }
  add("rows of the experts",
      checked_add(floats({rows, u64(shape.expert_width())}, "the rows of the experts"),
                  executor.scratch_bytes(expert_ffn_shape(shape), static_cast<Index>(rows), threads),
                  "the rows of the experts"));
  Index widest = shape.has_shared() ? shared_ffn_width(shape) : 0;
  for (const Baseline baseline : baselines) {
    const Index dense = most_width(experiment, baseline, sizes, threads);
    widest = std::max(widest, dense);
    add(enum_text(baseline), ffn_bytes(experiment, shape, dense_ffn_shape(shape, dense), 1));
  }
  if (widest > 0) {
    add("rows of dense layers",
        executor.scratch_bytes(dense_ffn_shape(shape, widest), sizes.tokens, threads));
  }
  return memory;
}

// The largest value of `key`, by halving, for which the run fits; 0 when none does.
template <class Set>
Index largest_that_fits(Index current, std::uint64_t limit, const Experiment& experiment, int threads,
                        const Set& set) {
  Index low = 0;
  Index high = current;
  while (high - low > 1) {
    const Index middle = low + (high - low) / 2;
    Sizes sizes{experiment.shape, experiment.workload->tokens()};
    set(sizes, middle);
    bool fits = false;
    try {
      fits = estimate(experiment, sizes, threads, experiment.baselines).total <= limit;
    } catch (const Error&) {  // does not even fit 64 bits
    }
    (fits ? low : high) = middle;
  }
  return low;
}

Index tokens_that_fit(const Experiment& experiment, int threads, std::uint64_t limit) {
  return largest_that_fits(experiment.workload->tokens(), limit, experiment, threads,
                           [](Sizes& s, Index v) { s.tokens = v; });
}

// Where a checkpoint says how large the layer is.
std::string setting_beside_a_checkpoint(const Experiment& experiment, int threads, std::uint64_t limit) {
  const Index tokens = tokens_that_fit(experiment, threads, limit);
  return tokens >= 1 ? fmt::format("--set workload.tokens={} would fit", tokens)
                     : "--set baselines=none and --set executor.weights=bf16 or int8 ask for less";
}

std::string setting_that_fits(const Experiment& experiment, int threads, std::uint64_t limit) {
  if (experiment.given) {
    return setting_beside_a_checkpoint(experiment, threads, limit);
  }
  const LayerShape& shape = experiment.shape;
  const Index experts = largest_that_fits(shape.num_experts, limit, experiment, threads,
                                          [](Sizes& s, Index v) { s.shape.num_experts = v; });
  if (experts >= std::max<Index>(1, experts_per_token_bound(experiment) - shape.zero_computation_experts())) {
    return fmt::format("--set layer.num_experts={} would fit", experts);
  }
  const Index layers = largest_that_fits(shape.num_layers, limit, experiment, threads,
                                         [](Sizes& s, Index v) { s.shape.num_layers = v; });
  if (layers >= 1) {
    return fmt::format("--set layer.num_layers={} would fit", layers);
  }
  const Index tokens = tokens_that_fit(experiment, threads, limit);
  if (tokens >= 1) {
    return fmt::format("--set workload.tokens={} would fit", tokens);
  }
  const Index width =
      largest_that_fits(shape.d_ff, limit, experiment, threads, [](Sizes& s, Index v) { s.shape.d_ff = v; });
  if (width >= 1) {
    return fmt::format("--set layer.d_ff={} would fit", width);
  }
  const Index d_model = largest_that_fits(shape.d_model, limit, experiment, threads,
                                          [](Sizes& s, Index v) { s.shape.d_model = v; });
  return d_model >= 1
             ? fmt::format("--set layer.d_model={} would fit", d_model)
             : "make layer.d_model, layer.d_ff, layer.num_experts and workload.tokens smaller, and the "
               "widths and counts of the layer's other parts";
}

}  // namespace

Index experts_per_token_bound(const Experiment& experiment) {
  return std::max<Index>(1, experiment.router->traits().top_k);
}

double nominal_experts_per_token(const Experiment& experiment) {
  if (experiment.router->traits().choice != Choice::soft) {
    return static_cast<double>(experts_per_token_bound(experiment));
  }
  const Index tokens = experiment.workload->tokens();
  return tokens > 0 ? static_cast<double>(experiment.router->num_logits()) / static_cast<double>(tokens)
                    : 0.0;
}

double matched_experts(const Experiment& experiment, double experts_per_token) {
  return experiment.router->traits().choice == Choice::soft
             ? experts_per_token
             : std::max(1.0, static_cast<double>(std::lround(experts_per_token)));
}

LayerCost nominal_layer_cost(const Experiment& experiment, const NominalSize& size) {
  const LayerShape& shape = size.shape;
  const Router& router = *experiment.router;
  const auto tokens = static_cast<std::uint64_t>(size.tokens);
  const std::uint64_t gate = router.traits().needs_logits
                                 ? checked_mul(u64(router.num_logits()), u64(shape.d_model), "the gate")
                                 : 0;
  return moe_layer_cost(shape, {.experts_per_token = size.ffn_experts,
                                .gate_params = gate,
                                .distinct_experts = std::min(static_cast<double>(shape.num_experts),
                                                             size.ffn_experts * static_cast<double>(tokens)),
                                .tokens = tokens,
                                .slots = router.traits().choice == Choice::soft ? router.num_logits() : 0,
                                .weight_type = experiment.executor.executor->weight_type()});
}

double routing_seconds(const LayerShape& shape, Index tokens, int threads) {
  constexpr double kPerLayer = 1e-5;
  constexpr double kPerToken = 150e-9;
  constexpr double kPerTokenAndExpert = 12e-9;
  constexpr double kPerValue = 1e-9;
  const double a_token = kPerToken + kPerTokenAndExpert * static_cast<double>(shape.pool_size()) +
                         kPerValue * static_cast<double>(shape.d_model);
  return kPerLayer + static_cast<double>(tokens) * a_token / threads;
}

WidthRange same_time_widths(const Experiment& experiment, int threads) {
  return widths_of(experiment, {experiment.shape, experiment.workload->tokens()}, threads);
}

double streamed_seconds(const Experiment& experiment, int threads) {
  constexpr double kPerToken = 30e-9;
  constexpr double kPerTokenAndExpert = 1.5e-9;
  constexpr double kPerTokenAndExpertOfBatch = 10e-9;
  constexpr double kPerPlannedRow = 10e-9;
  const double planned = experiment.capacity ? nominal_experts_per_token(experiment) : 0;
  const double each = experiment.router->traits().row_local ? kPerTokenAndExpert : kPerTokenAndExpertOfBatch;
  return static_cast<double>(experiment.workload->tokens()) *
         (kPerToken + each * static_cast<double>(experiment.shape.pool_size()) + kPerPlannedRow * planned) /
         static_cast<double>(std::clamp<Index>(experiment.workload->steps(), 1, std::max(1, threads)));
}

Index most_batches_in_a_sample(const Experiment& experiment) {
  return batches_in_a_sample(batch_bytes(experiment, {experiment.shape, experiment.workload->tokens()}));
}

MemoryEstimate estimate_memory(const Experiment& experiment, int threads) {
  return estimate_memory(experiment, threads, experiment.baselines);
}

MemoryEstimate estimate_memory(const Experiment& experiment, int threads,
                               const std::vector<Baseline>& baselines) {
  return estimate(experiment, {experiment.shape, experiment.workload->tokens()}, threads, baselines);
}

bool fits_memory(const Experiment& experiment, int threads, const MachineInfo& machine) {
  try {
    return machine.memory_limit_bytes == 0 ||
           estimate_memory(experiment, threads).total <= machine.memory_limit_bytes;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::out_of_memory) {
      throw;
    }
    return false;  // a size that does not fit 64 bits
  }
}

void check_memory(const Experiment& experiment, int threads, const MachineInfo& machine) {
  check_memory(experiment, threads, machine, experiment.baselines);
}

void check_memory(const Experiment& experiment, int threads, const MachineInfo& machine,
                  const std::vector<Baseline>& baselines) {
  std::string needs = "more than 2^64 bytes";
  std::string mostly;
  try {
    const MemoryEstimate memory = estimate_memory(experiment, threads, baselines);
    if (machine.memory_limit_bytes == 0 || memory.total <= machine.memory_limit_bytes) {  // 0: unknown
      return;
    }
    needs = fmt::format("{:.1f} GiB", static_cast<double>(memory.total) / (1 << 30));
    const auto largest =
        std::max_element(memory.items.begin(), memory.items.end(),
                         [](const MemoryItem& a, const MemoryItem& b) { return a.bytes < b.bytes; });
    mostly = fmt::format(", most of it for {} ({:.1f} GiB)", largest->what,
                         static_cast<double>(largest->bytes) / (1 << 30));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::out_of_memory) {
      throw;
    }  // a size that does not fit 64 bits: refused below like any other
  }
  throw Error(
      ErrorKind::out_of_memory,
      fmt::format(
          "{}: error: the run needs {}{}; expected at most {:.1f} GiB, four fifths of the memory that "
          "is free [out-of-memory]",
          experiment.source.name, needs, mostly, static_cast<double>(machine.memory_limit_bytes) / (1 << 30)),
      setting_that_fits(experiment, threads, machine.memory_limit_bytes));
}

}  // namespace moesim
