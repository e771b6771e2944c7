#pragma once
// Private to this room: a run's controller at work, one state for each layer. What a step shows acts from the
// next step on.

#include <optional>
#include <vector>

#include "engine/model.h"
#include "engine/step.h"
#include "metrics/run_record.h"

namespace moesim {

class Steering {
 public:
  // `stack` is what end_step() changes; all must outlive the object. Does nothing where the experiment has no
  // controller.
  Steering(const Experiment& experiment, MoeStack& stack, const Context& context);

  void on_layer(const LayerEvent& event);
  // Hands the layers' routers the state of the next step.
  void end_step();
  // Nothing without a controller or a step.
  std::optional<SteeringResult> result() const;

 private:
  const Experiment& experiment_;
  MoeStack& stack_;
  const Context& context_;
  const ControllerChoice* choice_ = nullptr;  // nullptr: none
  ControllerTraits controls_;
  RouterTraits routes_;
  std::vector<RouterState> before_;      // [L] of the config
  std::vector<ControllerState> states_;  // [L]
  Matrix scores_;                        // [T,E] of the current layer
  double violation_ = 0;                 // of the current step, summed over layers
  std::optional<double> first_, last_;   // MaxVio of a step, mean over layers
};

}  // namespace moesim
