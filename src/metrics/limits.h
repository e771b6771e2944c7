#pragma once
// What a machine can do at best, and what share of it the program's own kernels reach: measured values, and
// their flat row.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/flat_row.h"
#include "core/matrix.h"
#include "metrics/interval.h"

namespace moesim {

constexpr const char* kLimitsSchema = "moesim.limits/1";

// Bytes a second of plain reads.
struct ReadSpeed {
  int level = 0;            // of the cache that holds the buffers; 0: memory
  std::uint64_t bytes = 0;  // of all threads' buffers together
  Interval one, all;        // on one thread, on all
};

// FLOP/s over the peak for so many rows (or experts, of a gate).
struct Share {
  Index rows = 0;
  double of_peak = 0;
};

// One executor with one type of weights.
struct LayoutShares {
  std::string layout;
  std::vector<Share> products;  // by rows of an expert, weights in the second-level cache; rows ascending
  double inverse_depth = 0;     // of the expert it was measured with: 1/depth, mean over its FLOPs
  double depth_cost = 0;        // what a product costs beside its depth, in steps of the depth
  // How arithmetic a and reading b of an expert add up: (aᵖ + bᵖ)^(1/p). 1: one after the other; large: the
  // shorter one is hidden.
  double sharpness = 1;
  double gather = 0;  // bytes moved a second over plain reads of the weights
};

constexpr double kMostSharpness = 16;
constexpr double kMostDepthCost = 100;

struct MachineLimits {
  std::string processor;
  std::string instructions;
  std::string version;      // of the program
  std::string measured_at;  // UTC, or ""
  std::string fitness;      // of the machine then, in doctor's words; "": not judged
  int threads = 1;
  Interval flops_one, flops_all;  // multiply-adds that never leave the registers, FLOP/s
  Interval scaling;               // all over one
  std::vector<ReadSpeed> reads;   // smallest buffers first
  std::vector<Share> gate;        // by number of experts
  double combine = 0;             // bytes moved a second over plain reads of the rows
  double norm = 0;                // the same
  double join_seconds = 0;        // to hand out blocks and wait for the last
  std::vector<LayoutShares> layouts;

  const LayoutShares* find_layout(const std::string& layout) const;
  double cache_read() const;  // of the second-level cache, all threads; 0: not measured
};

// Read speed of all threads (or of one) for a working set of so many bytes: between two measured sizes by
// their logarithms.
double read_speed(const MachineLimits& limits, double bytes, bool one_thread = false);

FlatRow flatten(const MachineLimits& limits);
// Back from a row; nullopt when anything is missing, of another kind, or beyond what a machine can be.
std::optional<MachineLimits> limits_from(const FlatRow& row);

}  // namespace moesim
