// Gate, routers and plan at T=4096, E=256, D=2048: what everything but the experts costs. What comes after
// the gate's product should take less time than the product, and the sort into expert order time in
// proportion to N.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <functional>

#include "core/error.h"
#include "core/stopwatch.h"
#include "dispatch/plan.h"
#include "engine/experiment.h"
#include "metrics/dropless_counts.h"
#include "metrics/interval.h"
#include "router/gate.h"
#include "router/router.h"
#include "support/allocations.h"

namespace {

using namespace moesim;

constexpr double kMostAllocationsPerToken = 0.5;
constexpr Index kTokens = 4096;
constexpr Index kExperts = 256;
constexpr Index kWidth = 2048;

TokenBatch make_batch(Index tokens = kTokens) {
  TokenBatch batch;
  batch.hidden.resize(tokens, kWidth);
  for (Index t = 0; t < tokens; ++t) {
    fill_normal({.seed = 3}, static_cast<std::uint64_t>(t), 1.0F, batch.hidden.row(t));
    batch.token_id.push_back(static_cast<std::uint32_t>(t % 1000));
  }
  return batch;
}

// Nothing may ask for memory token by token.
void report_allocations(benchmark::State& state, std::int64_t before, Index tokens) {
  const double per_step = static_cast<double>(allocations() - before) /
                          static_cast<double>(std::max<std::int64_t>(1, state.iterations()));
  const double per_token = per_step / static_cast<double>(tokens);
  state.counters["allocations/token"] = per_token;
  if (per_token > kMostAllocationsPerToken) {
    state.SkipWithError("asks for memory token by token");
  }
}

void run_gate(benchmark::State& state) {
  const Context context({.threads = 2});
  const TokenBatch batch = make_batch();
  const Gate gate = make_gate(1, 0, kExperts, kWidth, {});
  Matrix logits(kTokens, kExperts);
  for (auto _ : state) {
    gate_logits(gate, {batch.hidden.view()}, {logits.view(), {}}, context);
    benchmark::DoNotOptimize(logits.data());
  }
}

double seconds_of(const std::function<void()>& work) {
  const Stopwatch watch;
  work();
  return watch.seconds();
}

std::unique_ptr<Router> make_preset(const std::string& name) {
  Binder binder;
  const Node section = scalar_section({{"preset", name}});
  return make_router(binder, &section, {.d_model = kWidth, .num_experts = kExperts});
}

Matrix make_logits(const TokenBatch& batch, Index num_logits, const Context& context) {
  Matrix logits(batch.num_tokens(), num_logits);
  gate_logits(make_gate(1, 0, num_logits, kWidth, {}), {batch.hidden.view()}, {logits.view(), {}}, context);
  return logits;
}

void run_route(benchmark::State& state, const std::string& name) {
  const Context context({.threads = 2});
  const TokenBatch batch = make_batch();
  const auto router = make_preset(name);
  if (router == nullptr) {
    state.SkipWithError("needs other sizes");
    return;
  }
  const Matrix logits = make_logits(batch, router->num_logits(), context);
  const RouterState bias{router->initial_bias()};
  const RouterInput input{batch, logits.view(), bias, 1, 0, context};
  check_routing(router->route(input), router->traits(), kTokens, kExperts);
  Routing routing = router->route(input);
  const std::int64_t before = allocations();
  for (auto _ : state) {
    router->route_into(input, routing);
    benchmark::DoNotOptimize(routing);
  }
  report_allocations(state, before, kTokens);
}

void run_plan(benchmark::State& state) {
  const Context context({.threads = 2});
  const Index tokens = state.range(0);
  const TokenBatch batch = make_batch(tokens);
  const auto router = make_preset("olmoe");
  const Matrix logits = make_logits(batch, kExperts, context);
  const Routing routing = router->route({batch, logits.view(), {}, 1, 0, context});
  const auto& assignments = std::get<Assignments>(routing);
  check_routing(routing, router->traits(), tokens, kExperts);
  const PlanInput input{.assignments = assignments, .top_k = router->traits().top_k};
  DispatchPlan plan = make_plan(input);
  const std::int64_t before = allocations();
  for (auto _ : state) {
    make_plan_into(input, plan);
    benchmark::DoNotOptimize(plan);
  }
  report_allocations(state, before, tokens);
  state.SetItemsProcessed(state.iterations() * assignments.size());
}

// One thread: scores, choice, weights and plan, as a share of the gate's product. The two take turns, and the
// share is the median of the rounds.
void run_share(benchmark::State& state, const std::string& name) {
  const Context context({.threads = 1});
  const TokenBatch batch = make_batch();
  const auto router = make_preset(name);
  const Gate gate = make_gate(1, 0, kExperts, kWidth, router->gate_rule());
  Matrix logits(kTokens, kExperts);
  const RouterState bias{router->initial_bias()};
  Routing routing;
  DispatchPlan plan;
  std::vector<double> shares;
  std::vector<double> route_ns;
  std::vector<double> plan_ns;
  for (auto _ : state) {
    const double product = seconds_of([&] {
      gate_logits(gate, {batch.hidden.view()}, {logits.view(), {}}, context);
    });
    const double route = seconds_of([&] {
      router->route_into({batch, logits.view(), bias, 1, 0, context}, routing);
    });
    const double sort = seconds_of([&] {
      make_plan_into({.assignments = std::get<Assignments>(routing), .top_k = router->traits().top_k}, plan);
    });
    shares.push_back((route + sort) / product);
    route_ns.push_back(route / kTokens * 1e9);
    plan_ns.push_back(sort / kTokens * 1e9);
  }
  state.counters["percent_of_product"] = 100 * median(shares);
  state.counters["route_ns/token"] = median(route_ns);
  state.counters["plan_ns/token"] = median(plan_ns);
}

// What a stream of made-up logits is made of: E=64, top 8, two threads, each a step of its own at a time.
constexpr Index kStreamTokens = 4096;
constexpr Index kLanes = 2;

struct Lane {
  Context context{{.threads = 1}};
  TokenBatch batch;
  Routing routing;
};

void run_stream(benchmark::State& state, const std::function<void(Lane&, Index step)>& work) {
  const Context context({.threads = static_cast<int>(kLanes)});
  std::array<Lane, kLanes> lanes;
  const auto run_lanes = [&](Index step) {
    context.for_each_block(kLanes, [&](Index i) { work(lanes[static_cast<std::size_t>(i)], step + i); });
  };
  run_lanes(0);
  const std::int64_t before = allocations();
  Index step = 0;
  for (auto _ : state) {
    run_lanes(step += kLanes);
  }
  report_allocations(state, before, kLanes * kStreamTokens);
  state.SetItemsProcessed(state.iterations() * kLanes * kStreamTokens);
}

void register_stream_benchmarks() {
  const auto experiment = std::make_shared<Experiment>(load_experiment("workload_synthetic_logits", {}));
  const Workload& workload = *experiment->workload;
  const Router& router = *experiment->router;
  const auto make = [&workload](Lane& lane, Index step) {
    workload.batch_into(lane.context, step, lane.batch);
  };
  const auto make_once = [&workload](Lane& lane) {
    if (lane.batch.num_tokens() == 0) {
      workload.batch_into(lane.context, 0, lane.batch);
    }
  };
  const auto route = [&router](Lane& lane) {
    router.route_into({lane.batch, lane.batch.logits.view(), {}, 1, 0, lane.context}, lane.routing);
  };
  const auto add = [experiment](const char* name, std::function<void(Lane&, Index)> work) {
    benchmark::RegisterBenchmark(name, [experiment, work = std::move(work)](benchmark::State& state) {
      run_stream(state, work);
    })->UseRealTime();
  };
  add("stream/make", make);
  add("stream/route", [make_once, route](Lane& lane, Index) {
    make_once(lane);
    route(lane);
  });
  const auto bank = std::make_shared<ExpertBank>();
  bank->kind.assign(static_cast<std::size_t>(router.num_experts()), ExpertKind::ffn);
  add("stream/route_and_count", [make_once, route, bank](Lane& lane, Index) {
    make_once(lane);
    route(lane);
    benchmark::DoNotOptimize(count_dropless_layer(std::get<Assignments>(lane.routing), *bank));
  });
}

}  // namespace

// Declared in bench/main.cpp.
void register_router_benchmarks();
void register_router_benchmarks() {
  benchmark::RegisterBenchmark("gate", run_gate)->UseRealTime();
  for (const RouterPreset& preset : router_presets().entries()) {
    benchmark::RegisterBenchmark(("route/" + preset.name).c_str(), [name = preset.name](
                                                                       benchmark::State& state) {
      run_route(state, name);
    })->UseRealTime();
  }
  for (const std::string name : {"olmoe", "deepseek_v3"}) {
    benchmark::RegisterBenchmark(("share_of_gate/" + name).c_str(), [name](benchmark::State& state) {
      run_share(state, name);
    })->UseRealTime();
  }
  register_stream_benchmarks();
  benchmark::RegisterBenchmark("plan/olmoe", run_plan)->RangeMultiplier(4)->Range(1024, 65536)->UseRealTime();
}
