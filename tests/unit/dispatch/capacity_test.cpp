#include "dispatch/capacity.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/error.h"

namespace moesim {
namespace {

constexpr CapacityFormula kFormulas[] = {CapacityFormula::megatron, CapacityFormula::switch_transformer,
                                         CapacityFormula::gshard, CapacityFormula::deepspeed};

struct Sizes {
  Index tokens = 0, top_k = 1, experts = 1;
};

Index capacity(CapacityFormula formula, const Sizes& sizes, double factor) {
  const CapacityRule rule{.factor = factor, .formula = formula};
  return capacity_for(rule, sizes.tokens, sizes.top_k, sizes.experts);
}

TEST(Capacity, FormulasGiveTheReferenceTable) {
  struct Row {
    Sizes sizes;
    double factor;
    Index deepspeed, megatron, switch_transformer, gshard;
  };
  const Row rows[] = {
      {{10, 2, 4}, 1.25, 7, 7, 4, 4},
      {{100, 2, 16}, 1.25, 16, 16, 7, 8},
      {{8192, 1, 128}, 1.25, 80, 80, 80, 80},
      {{4096, 8, 64}, 1.0, 512, 512, 64, 64},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(capacity(CapacityFormula::deepspeed, row.sizes, row.factor), row.deepspeed);
    EXPECT_EQ(capacity(CapacityFormula::megatron, row.sizes, row.factor), row.megatron);
    EXPECT_EQ(capacity(CapacityFormula::switch_transformer, row.sizes, row.factor), row.switch_transformer);
    EXPECT_EQ(capacity(CapacityFormula::gshard, row.sizes, row.factor), row.gshard);
  }
}

TEST(Capacity, DeepspeedComputesInSinglePrecision) {
  // In double (800/8)·1.1 exceeds 110; in float32 12.5·8.8 is 110.
  EXPECT_EQ(capacity(CapacityFormula::deepspeed, {100, 8, 8}, 1.1), 110);
  EXPECT_EQ(capacity(CapacityFormula::megatron, {100, 8, 8}, 1.1), 111);
}

TEST(Capacity, NoTokensLeaveTheFormulasMinimum) {
  EXPECT_EQ(capacity(CapacityFormula::megatron, {0, 2, 8}, 1.25), 0);
  EXPECT_EQ(capacity(CapacityFormula::deepspeed, {0, 2, 8}, 1.25), 4);
  EXPECT_EQ(capacity(CapacityFormula::switch_transformer, {0, 2, 8}, 1.25), 4);
  EXPECT_EQ(capacity(CapacityFormula::gshard, {0, 2, 8}, 1.25), 4);
}

TEST(Capacity, OneExpertAndAllExpertsAreOrdinary) {
  EXPECT_EQ(capacity(CapacityFormula::megatron, {100, 1, 1}, 1.25), 125);
  EXPECT_EQ(capacity(CapacityFormula::deepspeed, {100, 1, 1}, 1.25), 125);
  EXPECT_EQ(capacity(CapacityFormula::switch_transformer, {100, 1, 1}, 1.25), 100);  // never above T
  EXPECT_EQ(capacity(CapacityFormula::gshard, {100, 1, 1}, 1.25), 128);
  EXPECT_EQ(capacity(CapacityFormula::megatron, {100, 8, 8}, 1.0), 100);
  EXPECT_EQ(capacity(CapacityFormula::switch_transformer, {100, 8, 8}, 1.0), 12);
  EXPECT_EQ(capacity(CapacityFormula::gshard, {100, 8, 8}, 1.0), 12);
}

TEST(Capacity, TinyAndZeroFactorsLeaveTheMinimum) {
  for (const double factor : {0.0, 1e-9}) {
    EXPECT_EQ(capacity(CapacityFormula::megatron, {1000, 2, 8}, factor), factor == 0.0 ? 0 : 1);
    EXPECT_EQ(capacity(CapacityFormula::deepspeed, {1000, 2, 8}, factor), 4);
    EXPECT_EQ(capacity(CapacityFormula::switch_transformer, {1000, 2, 8}, factor), 4);
    EXPECT_EQ(capacity(CapacityFormula::gshard, {1000, 2, 8}, factor), 4);
  }
  CapacityRule rule{.factor = 0.0, .min = 9};
  EXPECT_EQ(capacity_for(rule, 1000, 2, 8), 9);
  rule.multiple_of = 8;
  EXPECT_EQ(capacity_for(rule, 1000, 2, 8), 16);
}

TEST(Capacity, MinimumComesBeforeTheMultiple) {
  CapacityRule rule{.factor = 1.25, .formula = CapacityFormula::megatron, .min = 5, .multiple_of = 1};
  EXPECT_EQ(capacity_for(rule, 10, 2, 4), 7);
  rule.multiple_of = 4;
  EXPECT_EQ(capacity_for(rule, 10, 2, 4), 8);
  rule.min = 9;
  EXPECT_EQ(capacity_for(rule, 10, 2, 4), 12);
  rule.min = 12;
  EXPECT_EQ(capacity_for(rule, 10, 2, 4), 12);
  rule = {.factor = 1.25, .formula = CapacityFormula::gshard, .min = 0, .multiple_of = 3};
  EXPECT_EQ(capacity_for(rule, 100, 2, 16), 9);  // 8 from the formula
}

TEST(Capacity, HugeSizesSaturateInsteadOfOverflowing) {
  constexpr Index kMost = std::numeric_limits<Index>::max();
  for (const CapacityFormula formula : kFormulas) {
    for (const Index multiple : {Index{1}, Index{1'048'576}, kMost}) {
      const CapacityRule rule{.factor = 1e6, .formula = formula, .min = kMost, .multiple_of = multiple};
      const Index rows = capacity_for(rule, kMost, kMost, 1);
      EXPECT_GE(rows, 0);
      EXPECT_EQ(rows % multiple, 0);
    }
    EXPECT_GE(capacity(formula, {Index{1} << 61, 1, 1}, 1.0), Index{1} << 61);
  }
  EXPECT_EQ(capacity(CapacityFormula::megatron, {Index{1} << 40, 1024, 1}, 1.0), Index{1} << 50);
}

TEST(Capacity, ImpossibleArgumentsAreOurMistake) {
  const CapacityRule rule;
  EXPECT_THROW(capacity_for(rule, -1, 1, 1), Error);
  EXPECT_THROW(capacity_for(rule, 1, -1, 1), Error);
  EXPECT_THROW(capacity_for(rule, 1, 1, 0), Error);
  EXPECT_THROW(capacity_for({.factor = std::nan("")}, 1, 1, 1), Error);
  EXPECT_THROW(capacity_for({.factor = std::numeric_limits<double>::infinity()}, 1, 1, 1), Error);
  EXPECT_THROW(capacity_for({.factor = -1.0}, 1, 1, 1), Error);
  EXPECT_THROW(capacity_for({.min = -1}, 1, 1, 1), Error);
  EXPECT_THROW(capacity_for({.multiple_of = 0}, 1, 1, 1), Error);
}

RC_GTEST_PROP(Capacity, GrowsWithTheFactorAndObeysItsRule, ()) {
  const Sizes sizes{.tokens = *rc::gen::inRange<Index>(0, 5000),
                    .top_k = *rc::gen::inRange<Index>(1, 9),
                    .experts = *rc::gen::inRange<Index>(1, 300)};
  CapacityRule rule{.factor = 0.001 * *rc::gen::inRange(0, 5000),
                    .formula = *rc::gen::elementOf(
                        std::vector<CapacityFormula>(std::begin(kFormulas), std::end(kFormulas))),
                    .min = *rc::gen::inRange<Index>(0, 50),
                    .multiple_of = *rc::gen::inRange<Index>(1, 40)};
  const Index rows = capacity_for(rule, sizes.tokens, sizes.top_k, sizes.experts);
  RC_ASSERT(rows >= rule.min);
  RC_ASSERT(rows % rule.multiple_of == 0);
  rule.factor += 0.1;
  RC_ASSERT(capacity_for(rule, sizes.tokens, sizes.top_k, sizes.experts) >= rows);
}

TEST(CapacityRule, EveryFieldIsDescribed) {
  std::vector<std::string> names;
  for (const FieldInfo& info : fields_of<CapacityRule>().infos()) {
    names.push_back(info.name);
    EXPECT_FALSE(info.doc.empty()) << info.name;
    EXPECT_FALSE(info.required) << info.name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"factor", "formula", "min", "multiple_of", "drop", "renorm"}));
}

TEST(CapacityRule, WordsOfAConfig) {
  EXPECT_EQ(enum_text(CapacityFormula::switch_transformer), "switch");
  EXPECT_EQ(enum_text(CapacityFormula::megatron), "megatron");
  EXPECT_EQ(enum_text(CapacityFormula::gshard), "gshard");
  EXPECT_EQ(enum_text(CapacityFormula::deepspeed), "deepspeed");
  EXPECT_EQ(enum_text(DropRule::position_token_major), "position_token_major");
  EXPECT_EQ(enum_text(DropRule::position_k_major), "position_k_major");
  EXPECT_EQ(enum_text(DropRule::batch_prioritised), "batch_prioritised");
  EXPECT_EQ(enum_text(DropRule::expert_weight), "expert_weight");
  EXPECT_EQ(enum_text(DropRule::random), "random");
  EXPECT_EQ(enum_text(Renormalise::none), "none");
  EXPECT_EQ(enum_text(Renormalise::after_drop), "after_drop");
}

struct BadValue {
  const char *key, *value;
  Field<CapacityRule>::Outcome outcome;
};

TEST(CapacityRule, RefusesValuesOutOfRange) {
  using Outcome = Field<CapacityRule>::Outcome;
  const BadValue bad[] = {
      {"factor", "-0.1", Outcome::out_of_range},
      {"factor", "1000001", Outcome::out_of_range},
      {"factor", "plenty", Outcome::wrong_type},
      {"formula", "tutel", Outcome::unknown_choice},
      {"min", "-1", Outcome::out_of_range},
      {"min", "2.5", Outcome::wrong_type},
      {"multiple_of", "0", Outcome::out_of_range},
      {"multiple_of", "2000000", Outcome::out_of_range},
      {"drop", "position", Outcome::unknown_choice},
      {"renorm", "before_drop", Outcome::unknown_choice},
      {"factor", "0", Outcome::ok},
      {"factor", "1e6", Outcome::ok},
      {"formula", "switch", Outcome::ok},
      {"drop", "random", Outcome::ok},
  };
  const Fields<CapacityRule> fields = fields_of<CapacityRule>();
  for (const BadValue& value : bad) {
    for (const Field<CapacityRule>& field : fields.list()) {
      if (field.info.name == value.key) {
        Node node;
        node.kind = Node::Kind::scalar;
        node.text = value.value;
        CapacityRule rule;
        ScalarProblem problem;
        EXPECT_EQ(field.read(node, rule, problem), value.outcome) << value.key << ": " << value.value;
      }
    }
  }
}

}  // namespace
}  // namespace moesim
