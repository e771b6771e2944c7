#include "engine/steering.h"

#include <algorithm>

namespace moesim {
namespace {

constexpr Index kRowsPerBlock = 64;

}  // namespace

Steering::Steering(const Experiment& experiment, MoeStack& stack, const Context& context)
    : experiment_(experiment), stack_(stack), context_(context), routes_(experiment.router->traits()) {
  if (!experiment.balance || experiment.balance->controllers.empty()) {
    return;
  }
  choice_ = &experiment.balance->controllers.front();
  controls_ = choice_->controller->traits();
  for (MoeLayer& layer : stack.layers) {
    before_.push_back(layer.state);
    states_.push_back(choice_->controller->start(experiment.shape.pool_size(), layer.state.expert_bias));
  }
}

void Steering::on_layer(const LayerEvent& event) {
  if (choice_ == nullptr) {
    return;
  }
  Counts loads(static_cast<std::size_t>(experiment_.shape.pool_size()));
  for (const std::int32_t expert : event.assignments.expert) {
    ++loads[static_cast<std::size_t>(expert)];
  }
  ControlRecord record{.loads = loads,
                       .tokens = event.assignments.num_tokens(),
                       .top_k = routes_.top_k,
                       .num_zero_experts = experiment_.shape.zero_computation_experts(),
                       .values = event.logits};
  if (controls_.needs_values && routes_.bias_unit == BiasUnit::score) {
    scores_.resize(event.logits.rows, event.logits.cols);
    context_.for_each_block((event.logits.rows + kRowsPerBlock - 1) / kRowsPerBlock, [&](Index block) {
      for (Index t = block * kRowsPerBlock; t < std::min(event.logits.rows, (block + 1) * kRowsPerBlock);
           ++t) {
        score_row(routes_.score_func, event.logits.row(t), scores_.row(t));
      }
    });
    record.values = scores_.view();
  }
  ControllerState& state = states_[static_cast<std::size_t>(event.layer)];
  state = choice_->controller->next(state, record);
  violation_ += load_stats(loads).max_violation;
}

void Steering::end_step() {
  if (choice_ == nullptr) {
    return;
  }
  last_ = violation_ / static_cast<double>(states_.size());
  first_ = first_.value_or(*last_);
  violation_ = 0;
  for (std::size_t l = 0; l < states_.size(); ++l) {
    stack_.layers[l].state = steered(*choice_->controller, states_[l], before_[l]);
  }
}

std::optional<SteeringResult> Steering::result() const {
  if (!last_) {
    return std::nullopt;
  }
  return SteeringResult{
      .controller = choice_->title, .first_max_violation = *first_, .last_max_violation = *last_};
}

}  // namespace moesim
