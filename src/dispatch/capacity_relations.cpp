#include "dispatch/capacity_relations.h"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

bool sound(const Binder& binder, const std::string& key) {
  const auto& list = binder.diagnostics.list();
  return std::none_of(list.begin(), list.end(), [&key](const Diagnostic& problem) {
    return problem.key == key || problem.key == "layer.num_experts";
  });
}

std::string given_or_default(const Binder& binder, const std::string& path) {
  return binder.given(path) ? "" : " (the default)";
}

void check_devices(Binder& binder, const CapacityRule& rule, Index num_experts) {
  const std::string key = "capacity.devices";
  if (rule.drop != DropRule::device_level || num_experts % rule.devices == 0 || !sound(binder, key)) {
    return;
  }
  binder.error(
      key, fmt::format("got {}{}", rule.devices, given_or_default(binder, key)),
      fmt::format("a divisor of {}", num_experts), "not-divisible",
      "write " + nearest_divisors(rule.devices, num_experts),
      {{binder.locate("layer.num_experts"), fmt::format("layer.num_experts is {}{}", num_experts,
                                                        given_or_default(binder, "layer.num_experts"))}});
}

void check_gate(Binder& binder, const CapacityRule& rule, bool has_gate) {
  if (rule.drop == DropRule::ntlb && !has_gate && sound(binder, "capacity.drop")) {
    binder.error("capacity.drop", "got ntlb", "a rule that needs no gate, as this router has none",
                 "bad-relation", "recycle re-routes without one", {{binder.locate("router"), "the router"}});
  }
}

}  // namespace

void check_capacity(Binder& binder, const CapacityRule& rule, const CapacitySurroundings& around) {
  check_devices(binder, rule, around.num_experts);
  check_gate(binder, rule, around.has_gate);
}

}  // namespace moesim
