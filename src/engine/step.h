#pragma once
// One step: a batch through a stack. The pipeline of the whole program on one page.

#include <functional>
#include <memory>

#include "core/parallel.h"
#include "dispatch/plan.h"
#include "engine/experiment.h"
#include "engine/model.h"
#include "metrics/step_record.h"

namespace moesim {

// What the outside may see of a layer while a step runs; borrowed for the call.
struct LayerEvent {
  Index layer = 0;
  const TokenBatch& batch;
  MatrixView logits;  // [T, E or S]; empty where the router needs none
  const Assignments& assignments;
  const DispatchPlan& plan;
  const SoftMix* mix = nullptr;  // of a soft router: then assignments and plan hold no choices
};
using LayerSink = std::function<void(const LayerEvent&)>;

// Buffers that survive from step to step, so that steps after the first ask for no large memory.
struct Workspace {
  Matrix x;  // [T,D] the residual stream: input and output of a step
  Matrix normed, logits, noise_deviation, rows_out, shared_out, y;
  Routing routing;                                       // of the layer at hand
  DispatchPlan plan;                                     // of the same
  Matrix latent_in, latent_out;                          // [T,ℓ], of layers with latent experts
  Matrix slots;                                          // [S,D], of a soft router
  std::unique_ptr<ExecutorScratch> experts, one_expert;  // made by the executor when first needed
};

struct MoeRun {
  const Experiment& experiment;
  const MoeStack& stack;
  const Context& context;
};

// Puts the batch's vectors into workspace.x (not part of a step's time).
void load_batch(const TokenBatch& batch, Workspace& workspace);

// x ← x + layer(rms_norm(x)) for each layer. `sink`, where given, is called after each layer's plan is made,
// and its time is not counted.
StageSeconds run_moe_step(const MoeRun& run, const TokenBatch& batch, Workspace& workspace,
                          const LayerSink& sink = {});

StageSeconds run_dense_step(const Executor& executor, const DenseStack& stack, Workspace& workspace,
                            const Context& context);

// out[t] = x[t] / sqrt(mean(x[t]²) + 1e-6) (Zhang and Sennrich, arXiv:1910.07467, without a learned scale).
void rms_norm(MatrixView x, MutableMatrixView out, const Context& context);

}  // namespace moesim
