// The parts of a layer, one benchmark each, over all executors of the catalogue. Each checks its result once
// before it times anything.

#include <benchmark/benchmark.h>

#include <cmath>
#include <memory>

#include "core/error.h"
#include "engine/step.h"
#include "experts/combine.h"
#include "router/gate.h"

namespace {

using namespace moesim;

Matrix random_rows(Index rows, Index cols) {
  Matrix matrix(rows, cols);
  for (Index r = 0; r < rows; ++r) {
    fill_normal({.seed = 3}, static_cast<std::uint64_t>(r), 1.0F, matrix.row(r));
  }
  return matrix;
}

std::unique_ptr<Executor> executor_named(const std::string& name) {
  Binder binder;
  return executors().find(name)->make(binder, nullptr, "executor");
}

// A dense product of `rows` rows through one expert 512 → 1024.
void run_executor(benchmark::State& state, const std::string& name) {
  const Context context({.threads = 2});
  const auto executor = executor_named(name);
  const auto reference = executor_named("serial");
  const Index rows = state.range(0);
  const BankOptions options{.seed = 1, .num_experts = 1, .d_model = 512, .width = 1024};
  const ExpertBank bank = make_bank(options, *executor, context);
  const ExpertBank plain = make_bank(options, *reference, context);
  const Matrix in = random_rows(rows, 512);
  Matrix out(rows, 512);
  Matrix expected(rows, 512);
  const Index begin[] = {0, rows};
  const auto scratch = executor->make_scratch();
  const auto run = [&](const Executor& which, const ExpertBank& weights, ExecutorScratch& memory,
                       Matrix& to) {
    const ExpertRows r{.bank = weights, .expert_begin = begin, .in = {.from = in.view()}, .out = to.view()};
    which.gather(r, memory, context);
    which.run(r, memory, context);
  };
  run(*executor, bank, *scratch, out);
  run(*reference, plain, *reference->make_scratch(), expected);
  for (Index r = 0; r < rows; ++r) {
    for (std::size_t d = 0; d < 512; ++d) {
      MOESIM_CHECK(std::abs(out.row(r)[d] - expected.row(r)[d]) < 1e-4F, "wrong result");
    }
  }
  for (auto _ : state) {
    run(*executor, bank, *scratch, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["GFLOP/s"] = benchmark::Counter(
      static_cast<double>(rows) * static_cast<double>(ffn_flops_per_row(512, 1024, Activation::swiglu)) / 1e9,
      benchmark::Counter::kIsIterationInvariantRate);
}

void run_rms_norm(benchmark::State& state) {
  const Context context({.threads = 2});
  const Matrix in = random_rows(2048, 512);
  Matrix out(2048, 512);
  rms_norm(in.view(), out.view(), context);
  double squares = 0;
  for (const float v : out.row(5)) {
    squares += static_cast<double>(v) * v;
  }
  MOESIM_CHECK(std::abs(squares / 512 - 1.0) < 1e-3, "wrong result");
  for (auto _ : state) {
    rms_norm(in.view(), out.view(), context);
    benchmark::DoNotOptimize(out.data());
  }
}

}  // namespace

// Declared in bench/main.cpp.
void register_layer_benchmarks();
void register_layer_benchmarks() {
  benchmark::RegisterBenchmark("rms_norm", run_rms_norm)->UseRealTime();
  for (const ExecutorEntry& entry : executors().entries()) {
    benchmark::RegisterBenchmark(("executor/" + entry.name).c_str(),
                                 [name = entry.name](benchmark::State& state) { run_executor(state, name); })
        ->Arg(1)
        ->Arg(16)
        ->Arg(256)
        ->UseRealTime();
  }
}
