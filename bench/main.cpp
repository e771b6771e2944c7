// Registers the benchmarks one after the other (no static registration), then hands over to Google Benchmark.

#include <benchmark/benchmark.h>
#include <tbb/global_control.h>

void register_layer_benchmarks();
void register_router_benchmarks();

int main(int argc, char** argv) {
  const tbb::global_control workers(tbb::global_control::max_allowed_parallelism, 16);
  register_layer_benchmarks();
  register_router_benchmarks();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
