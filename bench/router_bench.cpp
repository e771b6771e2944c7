// Gate, routers and plan at E=64, T=4096: what everything but the experts costs.

#include <benchmark/benchmark.h>

#include "core/error.h"
#include "dispatch/plan.h"
#include "router/gate.h"
#include "router/router.h"

namespace {

using namespace moesim;

constexpr Index kTokens = 4096;
constexpr Index kExperts = 64;
constexpr Index kWidth = 512;

TokenBatch make_batch() {
  TokenBatch batch;
  batch.hidden.resize(kTokens, kWidth);
  for (Index t = 0; t < kTokens; ++t) {
    fill_normal({.seed = 3}, static_cast<std::uint64_t>(t), 1.0F, batch.hidden.row(t));
    batch.token_id.push_back(static_cast<std::uint32_t>(t % 1000));
  }
  return batch;
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

void run_preset(benchmark::State& state, const std::string& name, bool with_plan) {
  const Context context({.threads = 2});
  const TokenBatch batch = make_batch();
  Matrix logits(kTokens, kExperts);
  gate_logits(make_gate(1, 0, kExperts, kWidth, {}), {batch.hidden.view()}, {logits.view(), {}}, context);
  Binder binder;
  Node section;
  section.kind = Node::Kind::map;
  Node::Entry& entry = section.entries.emplace_back();
  entry.key = "preset";
  entry.value.kind = Node::Kind::scalar;
  entry.value.text = name;
  const auto router = make_router(binder, &section, {.d_model = kWidth, .num_experts = kExperts});
  if (router == nullptr) {
    state.SkipWithError("needs other sizes");
    return;
  }
  const RouterState bias{router->initial_bias()};
  const RouterInput input{batch, logits.view(), bias, 1, 0, context};
  const Routing routing = router->route(input);
  check_routing(routing, router->traits(), kTokens, kExperts);
  for (auto _ : state) {
    if (with_plan) {
      benchmark::DoNotOptimize(
          make_plan({.assignments = std::get<Assignments>(routing), .top_k = router->traits().top_k}));
    } else {
      benchmark::DoNotOptimize(router->route(input));
    }
  }
}

}  // namespace

// Declared in bench/main.cpp.
void register_router_benchmarks();
void register_router_benchmarks() {
  benchmark::RegisterBenchmark("gate", run_gate)->UseRealTime();
  for (const RouterPreset& preset : router_presets().entries()) {
    benchmark::RegisterBenchmark(("route/" + preset.name).c_str(), [name = preset.name](
                                                                       benchmark::State& state) {
      run_preset(state, name, false);
    })->UseRealTime();
  }
  benchmark::RegisterBenchmark("plan/olmoe", [](benchmark::State& state) {
    run_preset(state, "olmoe", true);
  })->UseRealTime();
}
