#pragma once
// Two rulers that every run carries: a fixed dense product through the run's own kernels, and a loop that
// never leaves the registers. Ratios to the first survive a change of hour; the second tells whether n cores
// were really there.

#include <cstdint>

#include "core/parallel.h"
#include "experts/executor.h"

namespace moesim {

// A swiglu layer of fixed shape, 512 → 1024, on 256 fixed rows.
class Yardstick {
 public:
  Yardstick(const Executor& executor, const Context& context);

  double run(const Context& context);  // seconds
  static double flops();
  const ExpertBank& bank() const { return bank_; }

 private:
  const Executor& executor_;
  std::unique_ptr<ExecutorScratch> scratch_;
  ExpertBank bank_;
  Matrix in_;
  Matrix out_;
};
std::uint64_t yardstick_bytes(const Executor& executor);

// n·(seconds of the loop on one thread) / (seconds of n such loops at once): n when n cores were there, 1
// when they were worth one. Takes about `seconds` twice.
double measure_effective_cores(const Context& context, double seconds);

}  // namespace moesim
