#include "engine/model.h"

#include "engine/given_layer.h"

namespace moesim {

BankOptions pool_options(const Experiment& experiment, std::uint32_t layer) {
  const LayerShape& shape = experiment.shape;
  return {.seed = experiment.seed,
          .stream = Stream::expert_weight,
          .layer = layer,
          .num_experts = shape.num_experts,
          .d_model = shape.expert_width(),
          .width = shape.d_ff,
          .activation = shape.activation,
          .constant_experts = shape.constant_experts,
          .copy_experts = shape.copy_experts,
          .zero_experts = shape.zero_experts,
          .biases = shape.ffn_bias};
}

std::uint64_t MoeStack::weight_bytes() const {
  std::uint64_t bytes = 0;
  for (const MoeLayer& layer : layers) {
    bytes += (layer.gate.num_params() + layer.latent.num_params()) * sizeof(float) +
             layer.experts.weight_bytes() + layer.shared.weight_bytes();
  }
  return bytes;
}

std::uint64_t DenseStack::weight_bytes() const {
  std::uint64_t bytes = 0;
  for (const ExpertBank& layer : layers) {
    bytes += layer.weight_bytes();
  }
  return bytes;
}

MoeStack make_moe_stack(const Experiment& experiment, const Context& context) {
  const LayerShape& shape = experiment.shape;
  MoeStack stack;
  for (Index l = 0; l < shape.num_layers; ++l) {
    const auto number = static_cast<std::uint32_t>(l);
    MoeLayer layer;
    const GivenLayer* given = experiment.given.get();
    if (experiment.router->traits().needs_logits && experiment.workload->num_logits() == 0) {
      const GateRule rule = experiment.router->gate_rule();
      layer.gate = given != nullptr ? given->make_gate(rule)
                                    : make_gate(experiment.seed, number, experiment.router->num_logits(),
                                                shape.d_model, rule);
    }
    layer.state.expert_bias = starting_bias(experiment);
    layer.state.threshold = experiment.router->initial_threshold();
    const BankOptions pool = pool_options(experiment, number);
    if (experiment.execute && given != nullptr) {
      layer.experts = given->make_experts(*experiment.executor.executor, context);
      layer.shared = given->make_shared(*experiment.executor.executor, context);
    } else if (experiment.execute) {
      layer.experts = make_bank(pool, *experiment.executor.executor, context);
      layer.latent =
          make_latent_maps(shape, {.seed = pool.seed, .stream = pool.stream, .layer = number}, context);
      layer.shared =
          make_shared_experts({experiment.seed, number, shape, *experiment.executor.executor}, context);
    } else {
      layer.experts.kind = expert_kinds(pool.shape());
    }
    stack.layers.push_back(std::move(layer));
  }
  return stack;
}

DenseStack make_dense_stack(const Experiment& experiment, Index width, const Context& context) {
  DenseStack stack;
  for (Index l = 0; l < experiment.shape.num_layers; ++l) {
    stack.layers.push_back(make_bank({.seed = experiment.seed,
                                      .stream = Stream::dense_weight,
                                      .layer = static_cast<std::uint32_t>(l),
                                      .num_experts = 1,
                                      .d_model = experiment.shape.d_model,
                                      .width = width,
                                      .activation = experiment.shape.activation,
                                      .biases = experiment.shape.ffn_bias},
                                     *experiment.executor.executor, context));
  }
  return stack;
}

}  // namespace moesim
