#pragma once
// How long the stages of a step should take, from the shapes, who got how many rows, and measured limits.
// Pure functions: the same numbers give the same prediction.
//
// An expert with m rows needs a = FLOPs / (peak · share(m)) for its arithmetic and b = bytes / read speed for
// its weights, and takes (aᵖ + b'ᵖ)^(1/p), at least b; b' is what b is longer than a read from the
// second-level cache, which share(m) includes. An expert without rows costs nothing: routing that gathers on
// few experts is faster where reading weights decides, and no slower where arithmetic does, as long as all
// threads share the work; the busiest of several devices has more of it.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/shape.h"
#include "metrics/limits.h"
#include "metrics/step_record.h"

namespace moesim {

// The machine while the step runs. All threads together.
struct MachineRates {
  int threads = 1;
  double flops = 0;         // peak, FLOP/s
  double weights_read = 0;  // bytes/s where the weights lie
  double rows_read = 0;     // bytes/s where the rows of tokens lie
  double cache_read = 0;    // bytes/s of the second-level cache
};

// What every expert of a bank costs.
struct ExpertWork {
  double flops_per_row = 0;
  double weight_bytes = 0;
  double inverse_depth = 0;  // 1/depth of its products, mean over its FLOPs
};
ExpertWork expert_work(const FfnShape& shape, std::uint64_t bytes);  // packed, so many bytes

struct GateWork {
  Index tokens = 0, experts = 0, d_model = 0;
  Index tile_rows = 1;  // rows that are multiplied together; a thread has whole tiles
};

// One layer in one step.
struct LayerWork {
  Index tokens = 0, d_model = 0;
  std::optional<GateWork> gate = {};
  ExpertWork expert = {};
  std::vector<Index> rows = {};        // [E] of each ffn expert
  std::optional<Index> gathered = {};  // tokens with such a row; unknown: all, or one for each row
  Index latent_width = 0;              // ℓ of the maps around the experts; 0: there are none
  bool rows_are_copies = true;         // false: mixtures of all tokens (soft routers), which are not modelled
  std::optional<ExpertWork> one = {};  // an expert that every token goes through: shared, or a dense layer
  bool adds_residual = true;           // false where nothing is executed: the norm alone
};

double share_of(std::span<const Share> shares, double rows);

// (aᵖ + bᵖ)^(1/p), and the p between 1 and kMostSharpness for which that is nearest to `seconds`.
double add_up(double a, double b, double sharpness);
double sharpness_of(double a, double b, double seconds);

// Of one expert, in seconds of all threads.
double predict_expert(const ExpertWork& expert, double rows, const MachineRates& rates,
                      const LayoutShares& layout);
// Of all experts, one after the other. With `devices` the experts lie on so many equal machines, in equal
// blocks of neighbours, and the result is the time of the busiest.
double predict_experts(const ExpertWork& expert, std::span<const Index> rows, const MachineRates& rates,
                       const LayoutShares& layout, int devices = 1);

// Route and plan are no products and no plain copies: 0, not predicted.
StageSeconds predict_layer(const LayerWork& work, const MachineRates& rates, const MachineLimits& limits,
                           const LayoutShares& layout);

// What the stages must do at least, as seconds at the machine's limits: the longer of FLOPs over peak and
// bytes over read speed.
enum class Bound { none, arithmetic, bytes };
const char* bound_word(Bound bound);
struct StageLimit {
  double seconds = 0;
  Bound bound = Bound::none;
  void add(double flop_seconds, double byte_seconds);

 private:
  double flop_seconds_ = 0, byte_seconds_ = 0;
};
struct StageLimits {
  StageLimit norm, gate, dispatch, experts, combine;
  void add(const LayerWork& work, const MachineRates& rates, double weight = 1);
};

}  // namespace moesim
