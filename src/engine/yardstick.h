#pragma once
// The ruler that every run carries: a fixed dense product through the run's own kernels. Ratios to it survive
// a change of hour.

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

}  // namespace moesim
