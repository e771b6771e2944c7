#pragma once
// What one layer did, as plain sums that can be added up over steps.

#include <array>
#include <cstdint>
#include <vector>

#include "dispatch/plan.h"
#include "experts/bank.h"
#include "router/routing.h"

namespace moesim {

constexpr std::size_t kDeciles = 10;

// Counts of one layer over one or many steps. All are exact integers.
struct LayerCounts {
  std::uint64_t tokens = 0;
  std::uint64_t assignments = 0;            // routed, before drops
  std::uint64_t kept = 0;                   // after drops
  std::uint64_t rerouted = 0;               // of those, on another expert than the router's
  std::uint64_t outranked = 0;              // of the dropped, those whose expert had room
  std::uint64_t kept_ffn = 0;               // of those, on experts that multiply
  std::uint64_t tokens_without_expert = 0;  // tokens none of whose assignments was kept
  std::uint64_t distinct_experts = 0;       // ffn experts with at least one row, summed over steps
  std::uint64_t steps = 0;
  std::vector<std::uint64_t> routed_per_expert;            // [E] before drops
  std::vector<std::uint64_t> tokens_per_expert;            // [E] after drops
  std::vector<std::uint64_t> tokens_with_k;                // [max K + 1] tokens that chose exactly j experts
  std::array<std::uint64_t, kDeciles> routed_in_decile{};  // by place in the batch, or in its capacity group
  std::array<std::uint64_t, kDeciles> dropped_in_decile{};

  // Rows that three layouts would hold for `kept` (dispatch/layout.h), summed over steps.
  double rows_to_largest = 0;
  double rows_to_capacity = 0;  // 0: dropless
  double rows_in_blocks = 0;    // of kMegablocksRows

  std::uint64_t dropped() const { return assignments - kept; }
  void add(const LayerCounts& other);
};

LayerCounts count_layer(const Assignments& assignments, const DispatchPlan& plan, const ExpertBank& bank);

// Of a soft router: its slots count as assignments, all kept; tokens choose nothing.
LayerCounts count_soft_layer(const SoftMix& mix, const ExpertBank& bank);

// Wall seconds of the stages of a step, all layers together. `norm` (RMS norm and residual sum) is part of
// the step but of no Mixture-of-Experts stage; dense layers have norm and experts only.
struct StageSeconds {
  double norm = 0;
  double gate = 0;
  double route = 0;
  double plan = 0;
  double dispatch = 0;
  double experts = 0;  // shared experts and latent maps included
  double combine = 0;

  double total() const { return norm + gate + route + plan + dispatch + experts + combine; }
  void add(const StageSeconds& other);
};

}  // namespace moesim
