// Two claims of the tiled executor, measured interleaved in one run, at E=8 k=2 D=1024 F=2048 T=1024:
//   scaling: its speed-up from 1 to 2 threads, as a share of the machine's own (a register-only loop, same
//   rounds); honesty: tokens/s of the MoE over tokens/s of the dense layer with the same active parameters.
// Usage: moesim_scaling [rounds]

#include <fmt/format.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/error.h"
#include "core/stopwatch.h"
#include "engine/yardstick.h"
#include "experts/combine.h"
#include "experts/executor.h"
#include "metrics/interval.h"

namespace {

using namespace moesim;

constexpr Index kExperts = 8;
constexpr Index kTopK = 2;
constexpr Index kWidth = 1024;
constexpr Index kUnits = 2048;
constexpr Index kTokens = 1024;

Assignments uniform_routing() {
  Assignments routing;
  routing.num_experts = kExperts;
  routing.begin.push_back(0);
  for (Index t = 0; t < kTokens; ++t) {
    RandomSequence random({.seed = 4}, static_cast<std::uint64_t>(t));
    const auto first = static_cast<std::int32_t>(random.next_below(kExperts));
    const auto second = static_cast<std::int32_t>(
        (first + 1 + static_cast<std::int32_t>(random.next_below(kExperts - 1))) % kExperts);
    for (const std::int32_t e : {first, second}) {
      routing.expert.push_back(e);
      routing.weight.push_back(0.5F);
      routing.score.push_back(0.5F);
    }
    routing.begin.push_back(static_cast<Index>(routing.expert.size()));
  }
  return routing;
}

struct Layer {
  const Context& context;
  const Executor& executor;
  ExpertBank experts, dense;
  DispatchPlan plan;
  Matrix rows, out, y;

  // Largest difference between the layer on one row of the plan and the same row run alone: a check, not a
  // time.
  double check() {
    moe();
    const Index row = plan.expert_begin[1];
    Matrix alone(1, kWidth);
    std::vector<Index> begin(static_cast<std::size_t>(kExperts) + 1, 0);
    std::fill(begin.begin() + 2, begin.end(), 1);
    executor.run({experts, begin, rows.view().block(row, 1), alone.view()}, context);
    double worst = 0;
    for (std::size_t d = 0; d < static_cast<std::size_t>(kWidth); ++d) {
      worst = std::max(worst, std::abs(static_cast<double>(alone.row(0)[d]) - out.row(row)[d]));
    }
    return worst;
  }
  double moe() {
    const Stopwatch watch;
    executor.run({experts, plan.expert_begin, rows.view(), out.view()}, context);
    combine(plan, out.view(), {}, y.view(), context);
    return watch.seconds();
  }
  double dense_layer() {
    const Index begin[] = {0, kTokens};
    const Stopwatch watch;
    executor.run({dense, begin, rows.view().block(0, kTokens), out.view().block(0, kTokens)}, context);
    return watch.seconds();
  }
};

}  // namespace

int main(int argc, char** argv) {
  const tbb::global_control workers(tbb::global_control::max_allowed_parallelism, 16);
  const int rounds = argc > 1 ? std::max(3, std::atoi(argv[1])) : 15;
  const Context one({.threads = 1});
  const Context two({.threads = 2});
  Binder binder;
  const ExecutorChoice tiled = make_executor(binder, nullptr);
  const Assignments routing = uniform_routing();
  const auto make = [&](const Context& context) {
    Layer layer{context,
                *tiled.executor,
                make_bank({.seed = 1, .num_experts = kExperts, .d_model = kWidth, .width = kUnits}, context),
                make_bank({.seed = 2, .num_experts = 1, .d_model = kWidth, .width = kTopK * kUnits}, context),
                make_plan({.assignments = routing, .top_k = kTopK}),
                Matrix(kTokens * kTopK, kWidth),
                Matrix(kTokens * kTopK, kWidth),
                Matrix(kTokens, kWidth)};
    for (Index r = 0; r < layer.rows.rows(); ++r) {
      fill_normal({.seed = 3}, static_cast<std::uint64_t>(r), 1.0F, layer.rows.row(r));
    }
    return layer;
  };
  Layer slow = make(one);
  Layer fast = make(two);
  MOESIM_CHECK(slow.check() == 0 && fast.check() == 0, "a row depends on its neighbours");

  std::vector<double> shares;
  std::vector<double> speedups;
  std::vector<double> cores;
  std::vector<double> ratios;
  std::vector<double> rates;
  const double flops = 2.0 * 3 * kWidth * kUnits * kTokens * kTopK;
  for (int round = 0; round < rounds; ++round) {
    const bool forward = round % 2 == 0;
    double t1 = 0;
    double t2 = 0;
    double dense = 0;
    const double before = measure_effective_cores(two, 0.02);
    if (forward) {
      t1 = slow.moe();
      t2 = fast.moe();
      dense = fast.dense_layer();
    } else {
      dense = fast.dense_layer();
      t2 = fast.moe();
      t1 = slow.moe();
    }
    const double machine = 0.5 * (before + measure_effective_cores(two, 0.02));
    cores.push_back(machine);
    speedups.push_back(t1 / t2);
    shares.push_back(t1 / t2 / machine);
    ratios.push_back(dense / t2);
    rates.push_back(flops / t2 / 1e9);
  }
  const auto print = [](const char* what, const std::vector<double>& samples) {
    const Interval i = median_interval(samples);
    fmt::print("{:<58} {:8.3f}  [{:.3f} .. {:.3f}]\n", what, i.median, i.low, i.high);
  };
  fmt::print("E=8 k=2 D=1024 F=2048 T=1024 swiglu float32, {} rounds\n", rounds);
  print("machine: register-only loop, 1 to 2 threads", cores);
  print("tiled executor: 1 to 2 threads", speedups);
  print("share of the machine's own scaling (goal 0.85)", shares);
  print("MoE over dense_same_active, tokens/s (goal 0.75)", ratios);
  print("GFLOP/s of the MoE on 2 threads", rates);
  return 0;
}
