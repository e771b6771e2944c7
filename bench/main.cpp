// Registers the benchmarks one after the other (no static registration), then hands over to Google Benchmark.

#include <benchmark/benchmark.h>
#include <tbb/global_control.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "allocations.h"

namespace {
std::atomic<std::int64_t> count_of_allocations{0};
}  // namespace

std::int64_t allocations() {
  return count_of_allocations;
}

void* operator new(std::size_t size) {
  ++count_of_allocations;
  void* memory = std::malloc(size);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

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
