#include "dispatch/capacity_relations.h"

#include <gtest/gtest.h>

#include "config/suggest.h"
#include "config/yaml.h"

namespace moesim {
namespace {

// What is said about a capacity section, beside a layer of 12 experts.
std::string errors(const std::string& section, bool has_gate = true) {
  Binder binder;
  const Node root = parse_yaml("layer: {num_experts: 12}\nrouter: {kind: hash}\ncapacity: " + section,
                               "x.yaml", binder.diagnostics);
  bind_places(binder, root, "");
  CapacityRule rule;
  bind_section(binder, root.child("capacity"), "capacity", rule);
  check_capacity(binder, rule, {.num_experts = 12, .has_gate = has_gate});
  std::string all;
  for (const Diagnostic& problem : binder.diagnostics.list()) {
    all += (all.empty() ? "" : "") + render(problem);
  }
  return all;
}

TEST(CapacityRelations, AcceptSoundSections) {
  for (const char* section : {"{}", "{factor: 0}", "{formula: tutel, at_most_load: true}",
                              "{drop: device_level, devices: 4}", "{drop: ntlb, tries: 2}",
                              "{formula: vmoe, rounding: round}", "{renorm: after_drop, renorm_eps: 1e-9}",
                              "{group: 2048, min: 0, multiple_of: 8}", "{formula: fairscale}"}) {
    EXPECT_EQ(errors(section), "") << section;
  }
}

TEST(CapacityRelations, AnAbsurdNumberOfExpertsIsJudgedAtOnce) {
  EXPECT_EQ(nearest_divisors(8, 1'099'511'627'689), "1 or 1099511627689");  // a prime
  EXPECT_EQ(nearest_divisors(5, 12), "4 or 6");
  EXPECT_EQ(nearest_divisors(20, 12), "12");
  EXPECT_EQ(nearest_divisors(3, 12), "3");
}

TEST(CapacityRelations, DevicesDivideTheExperts) {
  EXPECT_EQ(errors("{drop: device_level, devices: 5}"),
            "x.yaml:3:32: error: capacity.devices: got 5; expected a divisor of 12 [not-divisible]\n"
            "  help: write 4 or 6\n"
            "  note: x.yaml:1:9: layer.num_experts is 12");
  EXPECT_EQ(
      errors("{drop: device_level}"),
      "x.yaml:3:1: error: capacity.devices: got 8 (the default); expected a divisor of 12 [not-divisible]\n"
      "  help: write 6 or 12\n"
      "  note: x.yaml:1:9: layer.num_experts is 12");
  EXPECT_EQ(errors("{drop: device_level, devices: 24}"),
            "x.yaml:3:32: error: capacity.devices: got 24; expected a divisor of 12 [not-divisible]\n"
            "  help: write 12\n"
            "  note: x.yaml:1:9: layer.num_experts is 12");
}

TEST(CapacityRelations, NoTokenLeftBehindNeedsAGate) {
  EXPECT_EQ(
      errors("{drop: ntlb}", false),
      "x.yaml:3:12: error: capacity.drop: got ntlb; expected a rule that needs no gate, as this router has "
      "none [bad-relation]\n"
      "  help: recycle re-routes without one\n"
      "  note: x.yaml:2:1: the router");
  EXPECT_EQ(errors("{drop: recycle}", false), "");
}

TEST(CapacityRelations, KeysOfOtherChoicesHaveNoEffect) {
  EXPECT_EQ(errors("{rounding: round}"),
            "x.yaml:3:12: error: capacity.rounding: has no effect because capacity.formula is not vmoe "
            "[no-effect]");
  EXPECT_EQ(
      errors("{formula: fairscale, factor: 2}"),
      "x.yaml:3:32: error: capacity.factor: has no effect because capacity.formula fairscale always takes "
      "two rows per token [no-effect]");
  EXPECT_EQ(errors("{devices: 4}"),
            "x.yaml:3:12: error: capacity.devices: has no effect because capacity.drop is not device_level "
            "[no-effect]");
  EXPECT_EQ(errors("{exempt: 0.2}"),
            "x.yaml:3:12: error: capacity.exempt: has no effect because capacity.drop is not device_level "
            "[no-effect]");
  EXPECT_EQ(errors("{sequence_tokens: 100}"),
            "x.yaml:3:12: error: capacity.sequence_tokens: has no effect because capacity.drop is not "
            "device_level [no-effect]");
  EXPECT_EQ(
      errors("{tries: 3}"),
      "x.yaml:3:12: error: capacity.tries: has no effect because capacity.drop is not ntlb [no-effect]");
  EXPECT_EQ(
      errors("{at_most_load: true}"),
      "x.yaml:3:12: error: capacity.at_most_load: has no effect because capacity.formula is not tutel with "
      "a factor above 0 [no-effect]");
  EXPECT_EQ(errors("{renorm_eps: 0.1}"),
            "x.yaml:3:12: error: capacity.renorm_eps: has no effect because capacity.renorm is none "
            "[no-effect]");
}

TEST(CapacityRelations, WhatIsWrongAlreadyIsSaidOnce) {
  EXPECT_EQ(
      errors("{drop: device_level, devices: none}"),
      "x.yaml:3:41: error: capacity.devices: got the text \"none\"; expected a whole number from 1 to 65536 "
      "[wrong-type]");
}

}  // namespace
}  // namespace moesim
