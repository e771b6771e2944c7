#include "controlling.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "config/yaml.h"

namespace moesim::testing {

std::string BuiltController::errors() const {
  std::string all;
  for (const Diagnostic& problem : binder.diagnostics.list()) {
    all += (all.empty() ? "" : "\n") + render(problem);
  }
  return all;
}

std::string BuiltController::resolved(const std::string& path) const {
  for (const ResolvedValue& value : binder.resolved) {
    if (value.path == path) {
      return value.value + " from " + value.origin;
    }
  }
  return "";
}

BuiltController build_controller(const std::string& yaml, Index num_experts, Index top_k) {
  BuiltController built;
  const Node root = parse_yaml(yaml, "x.yaml", built.binder.diagnostics);
  bind_places(built.binder, root, "");
  built.choice = make_controller(
      built.binder,
      {.node = *root.child("controller"), .path = "controller", .num_experts = num_experts, .top_k = top_k});
  return built;
}

std::unique_ptr<Controller> controller_of(const std::string& section, Index num_experts, Index top_k) {
  BuiltController built = build_controller("controller: " + section, num_experts, top_k);
  EXPECT_EQ(built.errors(), "") << section;
  EXPECT_NE(built.choice.controller, nullptr) << section;
  return std::move(built.choice.controller);
}

ControlRecord Observed::record() const {
  const auto experts = static_cast<Index>(loads.size());
  return {.loads = loads,
          .tokens = tokens,
          .top_k = top_k,
          .num_zero_experts = num_zero_experts,
          .values = {values.data(), values.empty() ? 0 : tokens, experts}};
}

Observed loads_of(const std::vector<std::uint64_t>& loads, Index top_k) {
  Observed observed;
  observed.loads = loads;
  observed.top_k = top_k;
  observed.tokens = static_cast<Index>(std::accumulate(loads.begin(), loads.end(), std::uint64_t{0})) / top_k;
  return observed;
}

Observed batch_of(const std::vector<std::vector<float>>& values, Index top_k,
                  const std::vector<double>& bias) {
  Observed observed;
  observed.tokens = static_cast<Index>(values.size());
  observed.top_k = top_k;
  observed.loads.resize(values.front().size());
  for (const std::vector<float>& row : values) {
    observed.values.insert(observed.values.end(), row.begin(), row.end());
    std::vector<std::size_t> order(row.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return row[a] + (bias.empty() ? 0.0 : bias[a]) > row[b] + (bias.empty() ? 0.0 : bias[b]);
    });
    for (std::size_t j = 0; j < static_cast<std::size_t>(top_k); ++j) {
      ++observed.loads[order[j]];
    }
  }
  return observed;
}

std::vector<double> first_bias(const std::string& section, const std::vector<std::uint64_t>& loads) {
  const std::unique_ptr<Controller> controller = controller_of(section);
  const Observed observed = loads_of(loads);
  return controller->next(controller->start(static_cast<Index>(loads.size()), {}), observed.record()).bias;
}

}  // namespace moesim::testing
