#pragma once
// Measures what the machine can do at best and what share of it the kernels reach (metrics/limits.h).
// Everything takes turns, round by round, so that drift hits all of it.

#include <functional>
#include <memory>

#include "core/machine.h"
#include "experts/executor.h"
#include "experts/probe.h"
#include "metrics/limits.h"
#include "store/limits_cache.h"

namespace moesim {

// Multiply-adds on one thread and on all, in turns.
struct PeakSample {
  double one = 0, all = 0;  // FLOP/s
};
PeakSample measure_peak(const KernelSet& kernels, const Context& context, double seconds);

// What one executor reaches. Its memory is made once; a round takes some hundredths of a second.
class LayoutProbe {
 public:
  struct Options {
    std::uint64_t cache_bytes = 0;  // second-level cache of a thread
    std::uint64_t bank_bytes = 0;   // of a bank that does not fit it
  };
  LayoutProbe(const Executor& executor, const Context& context, const Options& options);
  ~LayoutProbe();
  LayoutProbe(LayoutProbe&&) noexcept;

  void add_round(const Context& context);
  LayoutShares result() const;  // medians
  // Of the stages that belong to no executor, seen on the way.
  double combine() const;
  double norm() const;
  std::vector<Share> gate() const;
  double join_seconds() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct LimitsOptions {
  int threads = 1;
  std::vector<const Executor*>
      executors;                   // at least one; the first one's kernels make the peak and the reads
  std::uint64_t memory_bytes = 0;  // for the largest buffer; 0: by what the machine has
  int rounds = 7;
  std::function<void(double fraction)> on_progress = {};
  std::function<bool()> stop_requested = {};  // asked between the parts of a round
};
// Throws Error(out_of_memory) where not even the small buffers fit, Error(interrupted) when asked to stop.
MachineLimits measure_limits(const LimitsOptions& options);

// The executor that a config without an `executor:` section has, and the same with other weights.
std::unique_ptr<Executor> default_executor(const std::string& weights = "");

// Of this machine and program, with every type of weights that the default executor has.
MachineLimits measure_all_limits(int threads, const std::function<void(double fraction)>& on_progress,
                                 const std::function<bool()>& stop_requested);
// What such limits are valid for.
LimitsKey limits_key(int threads);

// As many bytes as the largest buffer should have: beyond the caches where memory allows.
std::uint64_t beyond_caches(const MachineInfo& machine);

}  // namespace moesim
