#pragma once
// One Mixture-of-Experts block of a checkpoint on given vectors, executed exactly: gate, router, dropless
// plan, experts, combine, shared experts. Float32 arithmetic on decoded weights, by the reference executor, a
// few experts at a time, so that a layer need not fit the memory. Same bits for any number of threads.

#include <cstdint>
#include <string>

#include "core/machine.h"
#include "core/parallel.h"
#include "engine/policy.h"
#include "engine/route.h"
#include "models/checkpoint.h"

namespace moesim {

// The router of config.json, dropless. Throws ConfigError.
Policy checkpoint_policy(const MoeCheckpoint& checkpoint);

struct RoutedLayer {
  RouteNumbers numbers;  // x as the batch's vectors, logits, selection bias
  RouteResult result;
  // Tokens that would choose other experts if each logit were off by half of 4·2⁻²⁴·√D·‖x‖·‖w‖, w its row of
  // the gate: the most that the order of a float32 sum changes. Another program may choose other experts
  // there.
  Index near_ties = 0;
};

// x [T,D]. Throws Error(bad_data) where logits are not finite.
RoutedLayer route_checkpoint_layer(const MoeCheckpoint& checkpoint, const BlockTensors& block,
                                   const Policy& policy, Matrix x, const Context& context);

// [T,D]: the block's output, without the residual. Reads the experts that have a token, and the shared ones.
Matrix run_checkpoint_layer(const MoeCheckpoint& checkpoint, const BlockTensors& block,
                            const RoutedLayer& routed, const Context& context);

// What routing and running so many tokens asks for at once.
struct LayerMemory {
  Index tokens = 0;
  bool router_only = false;
  int threads = 1;
};
std::uint64_t checkpoint_layer_bytes(const ModelShape& shape, const LayerMemory& memory);
// Throws Error(out_of_memory) when it is more than machine.memory_limit_bytes.
void check_layer_memory(const ModelShape& shape, const LayerMemory& memory, const MachineInfo& machine,
                        const std::string& where);

}  // namespace moesim
