// The screen and the rows of a closed loop, from a record alone.

#include "report/balance_screen.h"

#include <gtest/gtest.h>

namespace moesim {
namespace {

BalanceRecord short_record() {
  BalanceRecord record;
  record.name = "x\033[31m";
  record.config_source = "a b.yaml";
  record.router = "token_choice";
  record.bias_unit = BiasUnit::logit;
  record.stream = "stationary";
  record.num_experts = 4;
  record.num_zero_experts = 1;
  record.tokens = 10;
  record.top_k = 2;
  record.resolved = {{"seed", "1", "default"},
                     {"balance.stream.kind", "stationary", "a"},
                     {"balance.stream.skew", "2", "a"},
                     {"balance.stream.spread", "1", "default"},
                     {"balance.controllers[0].kind", "smebu", "a"},
                     {"balance.controllers[1].kind", "longcat", "a"},
                     {"balance.controllers[1].rate", "0.5", "a"}};
  const std::vector<BalanceStep> steps = {{.max_violation = 1.5, .min_violation = 0.5, .gate_mass = 1.0},
                                          {.max_violation = 0.25, .dead_experts = 1, .gate_mass = 0.5}};
  record.courses = {
      {.title = "none", .kind = "none", .path = "", .steps = {steps[0], steps[0]}, .last = {}},
      {.title = "smebu", .kind = "smebu", .path = "balance.controllers[0]", .steps = steps, .last = {}},
      {.title = "longcat rate=0.5",
       .kind = "longcat",
       .path = "balance.controllers[1]",
       .steps = steps,
       .last = {}}};
  return record;
}

const FlatValue& value(const FlatRow& row, const std::string& name) {
  const FlatValue* found = find_value(row, name);
  static const FlatValue kAbsent = std::string("(absent)");
  return found == nullptr ? kAbsent : *found;
}

TEST(BalanceScreen, LeavesWindowsWithoutAStepOpenAndTalksToNoTerminal) {
  const std::string screen = render_balance(short_record(), {.program = "build/moesim"});
  EXPECT_EQ(screen.find('\033'), std::string::npos);
  EXPECT_NE(screen.find("CLOSED LOOP  x\\x1b[31m: 4 experts, top-2, 2 steps of 10 tokens, seed 0\n"
                        "  router token_choice, steered on logits; logits stationary, skew 2; "
                        "zero-computation experts at the end: "
                        "1 (not counted)\n"),
            std::string::npos)
      << screen;
  EXPECT_NE(
      screen.find("  smebu               1.50   0.250       -    0.875     step 1     0.5        75 %  █▂\n"),
      std::string::npos)
      << screen;
  EXPECT_NE(screen.find("\nnext    build/moesim balance 'a b.yaml' -o csv --by-step"), std::string::npos)
      << screen;
}

TEST(BalanceScreen, RowsHoldTheSettingsOfTheirOwnController) {
  const std::vector<FlatRow> rows = balance_rows(short_record());
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(value(rows[2], "p.controller.kind"), FlatValue(std::string("longcat")));
  EXPECT_EQ(value(rows[2], "p.controller.rate"), FlatValue(0.5));
  EXPECT_EQ(value(rows[1], "p.controller.rate"), FlatValue(std::string("(absent)")));
  EXPECT_EQ(value(rows[1], "p.seed"), FlatValue(std::int64_t{1}));
  EXPECT_EQ(value(rows[1], "m.first_step_below_half"), FlatValue(std::int64_t{1}));
  EXPECT_EQ(value(rows[0], "m.first_step_below_half"), FlatValue());
  EXPECT_EQ(value(rows[1], "m.gate_mass.kept"), FlatValue(0.75));
  EXPECT_EQ(balance_step_rows(short_record()).size(), 6u);
}

}  // namespace
}  // namespace moesim
