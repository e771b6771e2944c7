#pragma once
// What a run will need, computed before anything is allocated.

#include <cstdint>
#include <string>
#include <vector>

#include "core/machine.h"
#include "engine/experiment.h"
#include "engine/width_search.h"

namespace moesim {

struct MemoryItem {
  std::string what;
  std::uint64_t bytes = 0;
};

struct MemoryEstimate {
  std::vector<MemoryItem> items;
  std::uint64_t total = 0;
};

// Largest number of experts a token can have, for sizing: K, or the mean of an expert-side router rounded up.
Index experts_per_token_bound(const Experiment& experiment);

// Rows that experts compute for a token: K, or the slots of a soft router over the tokens of a batch.
double nominal_experts_per_token(const Experiment& experiment);

// The ffn experts that dense_same_active stands for, given the (mean) number of a token: a whole number, at
// least 1; of a soft router as it is.
double matched_experts(const Experiment& experiment, double experts_per_token);

// What a layer costs by its config alone, where a token has so many ffn experts.
struct NominalSize {
  const LayerShape& shape;
  Index tokens = 0;
  double ffn_experts = 0;
};
LayerCost nominal_layer_cost(const Experiment& experiment, const NominalSize& size);

// What a MoE layer does in a step beside its products: norm, choice of experts, plan. Measured on x86 servers
// with 8 to 256 experts; half as much again on either side is usual.
double routing_seconds(const LayerShape& shape, Index tokens, int threads);

// The share of a step in the time of a stream whose logits are made, not computed, and routed by so many
// threads, a step each. Measured on x86 servers with 8 to 512 experts, making and counting included.
double streamed_seconds(const Experiment& experiment, int threads);

// Of dense_same_time: the widths that a run keeps room for.
WidthRange same_time_widths(const Experiment& experiment, int threads);

// The most batches a timed sample may hold ready: short steps are timed several in a row (at most 1000, of at
// most 16 MiB together).
Index most_batches_in_a_sample(const Experiment& experiment);

// Throws Error(out_of_memory) when a size does not fit 64 bits.
// `baselines`: those of the experiment that run beside the MoE; without: all.
MemoryEstimate estimate_memory(const Experiment& experiment, int threads);
MemoryEstimate estimate_memory(const Experiment& experiment, int threads,
                               const std::vector<Baseline>& baselines);

// Whether the estimate is within machine.memory_limit_bytes.
bool fits_memory(const Experiment& experiment, int threads, const MachineInfo& machine);

// Throws Error(out_of_memory) with a setting that would fit, all baselines running, when it is not.
void check_memory(const Experiment& experiment, int threads, const MachineInfo& machine);
void check_memory(const Experiment& experiment, int threads, const MachineInfo& machine,
                  const std::vector<Baseline>& baselines);

}  // namespace moesim
