#pragma once
// What the tests of controllers share: configs to controllers, numbers to records.

#include <memory>
#include <string>
#include <vector>

#include "balance/controller.h"

namespace moesim::testing {

// The outcome of a config such as "router: {top_k: 2}\ncontroller: {kind: smebu}".
struct BuiltController {
  Binder binder;
  ControllerChoice choice;

  std::string errors() const;                           // rendered, one after the other
  std::string resolved(const std::string& path) const;  // "8 from x.yaml:1:2", or "" when absent
};
BuiltController build_controller(const std::string& yaml, Index num_experts = 4, Index top_k = 2);

// The controller of a section that has no problems, for example "{kind: smebu}".
std::unique_ptr<Controller> controller_of(const std::string& section, Index num_experts = 4, Index top_k = 2);

// A step as plain vectors; record() borrows them.
struct Observed {
  std::vector<std::uint64_t> loads;
  Index tokens = 0;
  Index top_k = 2;
  Index num_zero_experts = 0;
  std::vector<float> values;  // [T,E], or empty

  ControlRecord record() const;
};
Observed loads_of(const std::vector<std::uint64_t>& loads, Index top_k = 2);
// Loads are those of a token choice of the top_k best of value + bias.
Observed batch_of(const std::vector<std::vector<float>>& values, Index top_k,
                  const std::vector<double>& bias = {});

// The bias after one step from a bias of 0.
std::vector<double> first_bias(const std::string& section, const std::vector<std::uint64_t>& loads);

}  // namespace moesim::testing
