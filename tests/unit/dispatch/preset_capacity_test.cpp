// What the capacity that a preset brings comes to, against the code that the preset is named after.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "config/yaml.h"
#include "dispatch/capacity.h"
#include "router/router.h"

namespace moesim {
namespace {

CapacityRule rule_of(const std::string& preset) {
  Binder binder;
  const Node router = parse_yaml("preset: " + preset, "x.yaml", binder.diagnostics);
  CapacityRule rule;
  const Node* section = preset_capacity(router);
  EXPECT_NE(section, nullptr) << preset;
  if (section != nullptr) {
    bind_section(binder, section, "capacity", rule);
  }
  EXPECT_TRUE(binder.diagnostics.list().empty()) << preset;
  return rule;
}

// Tencent-Hunyuan/Hunyuan-A13B, models/modeling_hunyuan.py, topkgating:
// max(topk, topk * gates.shape[0] // gates.shape[1]), whatever the loads are.
TEST(PresetCapacity, OfHunyuanIsAtLeastTopKRows) {
  const CapacityRule rule = rule_of("hunyuan_a13b_capacity");
  constexpr Index kTopK = 8;
  for (const Index experts : {8, 16, 64, 128, 256}) {
    for (Index tokens = 1; tokens <= 600; ++tokens) {
      for (const Index max_load : {Index{1}, tokens}) {
        const CapacityDemand demand{
            .tokens = tokens, .top_k = kTopK, .experts = experts, .max_load = max_load};
        ASSERT_EQ(capacity_for(rule, demand), std::max(kTopK, kTopK * tokens / experts))
            << experts << " experts, " << tokens << " tokens";
      }
    }
  }
}

}  // namespace
}  // namespace moesim
