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

struct Sizes {
  Index tokens = 0, top_k = 1, experts = 1;
};

Index capacity(CapacityFormula formula, const Sizes& sizes, double factor) {
  const CapacityRule rule{.factor = factor, .formula = formula};
  return capacity_for(rule, {.tokens = sizes.tokens, .top_k = sizes.top_k, .experts = sizes.experts});
}

CapacityFormula formula_of(const std::string& name) {
  for (const FormulaInfo& info : capacity_formulas()) {
    if (info.name == name) {
      return info.formula;
    }
  }
  ADD_FAILURE() << "no formula " << name;
  return CapacityFormula::megatron;
}

// The cells of the sources' own expressions, evaluated in Python; with the formulas' own minimum and
// multiple. The first four rows are the printed table of the survey of conventions.
TEST(Capacity, FormulasGiveTheReferenceTable) {
  const std::vector<std::string> names = {"deepspeed", "fairscale", "fastmoe",    "flaxformer",
                                          "gshard",    "maxtext",   "megablocks", "megatron",
                                          "nllb",      "switch",    "tutel",      "vmoe"};
  struct Row {
    Sizes sizes;
    double factor;
    std::vector<Index> rows;
  };
  const Row table[] = {
      {{10, 2, 4}, 1.25, {7, 5, 6, 4, 4, 6, 6, 7, 13, 4, 6, 8}},
      {{100, 2, 16}, 1.25, {16, 12, 15, 8, 8, 16, 15, 16, 125, 7, 16, 16}},
      {{8192, 1, 128}, 1.25, {80, 128, 80, 80, 80, 80, 80, 80, 10240, 80, 80, 80}},
      {{4096, 8, 64}, 1.0, {512, 128, 512, 64, 64, 512, 512, 512, 4096, 64, 512, 512}},
      {{100, 8, 8}, 1.1, {110, 25, 111, 14, 16, 110, 110, 111, 111, 13, 112, 112}},
      {{64, 1, 64}, 1.25, {4, 2, 2, 4, 4, 1, 1, 2, 80, 4, 1, 4}},
      {{100, 1, 8}, 1.0, {13, 25, 13, 12, 12, 13, 12, 13, 100, 12, 13, 16}},
      {{40, 1, 16}, 1.0, {4, 5, 3, 4, 4, 3, 2, 3, 40, 4, 3, 4}},
      {{100, 1, 16}, 1.25, {8, 12, 8, 8, 8, 8, 7, 8, 125, 7, 8, 8}},
      {{7, 3, 5}, 1.1, {5, 2, 4, 4, 4, 5, 4, 5, 8, 4, 6, 8}},
      {{1000, 6, 64}, 1.2, {113, 31, 112, 19, 20, 112, 112, 113, 1200, 18, 114, 116}},
      {{3, 2, 64}, 1.25, {4, 0, 0, 4, 4, 1, 0, 1, 4, 4, 2, 4}},
      {{2048, 2, 32}, 2.4, {308, 128, 307, 154, 156, 307, 307, 308, 4916, 153, 306, 308}},
      {{4096, 1, 48}, 1.05, {90, 170, 90, 90, 92, 90, 89, 90, 4301, 89, 90, 92}},
      {{513, 4, 60}, 1.1, {38, 17, 37, 9, 12, 38, 37, 38, 565, 9, 36, 40}},
  };
  ASSERT_EQ(names.size(), capacity_formulas().size());
  for (const Row& row : table) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      EXPECT_EQ(capacity(formula_of(names[i]), row.sizes, row.factor), row.rows[i])
          << names[i] << " T=" << row.sizes.tokens << " k=" << row.sizes.top_k << " E=" << row.sizes.experts
          << " CF=" << row.factor;
    }
  }
}

TEST(Capacity, DeepspeedComputesInSinglePrecision) {
  // In double (800/8)·1.1 exceeds 110; in float32 12.5·8.8 is 110.
  EXPECT_EQ(capacity(CapacityFormula::deepspeed, {100, 8, 8}, 1.1), 110);
  EXPECT_EQ(capacity(CapacityFormula::megatron, {100, 8, 8}, 1.1), 111);
}

TEST(Capacity, HalvesGoToTheEvenNeighbour) {
  for (const auto& [tokens, rows] :
       std::vector<std::pair<Index, Index>>{{24, 2}, {40, 2}, {56, 4}, {72, 4}}) {
    const CapacityDemand demand{.tokens = tokens, .top_k = 1, .experts = 16};  // 1.5, 2.5, 3.5, 4.5
    const CapacityRule flaxformer{.factor = 1.0, .formula = CapacityFormula::flaxformer, .min = 0};
    const CapacityRule vmoe{
        .factor = 1.0, .formula = CapacityFormula::vmoe, .rounding = Rounding::round, .multiple_of = 1};
    EXPECT_EQ(capacity_for(flaxformer, demand), rows) << tokens;
    EXPECT_EQ(capacity_for(vmoe, demand), rows) << tokens;
  }
}

TEST(Capacity, VmoeGoesUpOrToTheNearestAndThenToAMultipleOfFour) {
  CapacityRule rule{.factor = 1.25, .formula = CapacityFormula::vmoe};
  const CapacityDemand ten{.tokens = 10, .top_k = 2, .experts = 4};        // 6.25
  const CapacityDemand hundred{.tokens = 100, .top_k = 2, .experts = 16};  // 15.625
  EXPECT_EQ(capacity_for(rule, ten), 8);
  rule.multiple_of = 1;
  EXPECT_EQ(capacity_for(rule, ten), 7);
  EXPECT_EQ(capacity_for(rule, hundred), 16);
  rule.rounding = Rounding::round;
  EXPECT_EQ(capacity_for(rule, ten), 6);
  EXPECT_EQ(capacity_for(rule, hundred), 16);
}

TEST(Capacity, SomeFormulasFollowTheLargestLoad) {
  CapacityDemand demand{.tokens = 100, .top_k = 2, .experts = 16, .max_load = 37};
  CapacityRule rule{.factor = 0.0, .formula = CapacityFormula::megablocks};
  EXPECT_EQ(capacity_for(rule, demand), 37);
  rule.formula = CapacityFormula::tutel;
  EXPECT_EQ(capacity_for(rule, demand), 37);
  rule.multiple_of = 8;  // its alignment
  EXPECT_EQ(capacity_for(rule, demand), 40);
  // Its factor −1.25: the largest load, at most 2·floor(1.25·ceil(100/16)) = 16.
  rule = {.factor = 1.25, .formula = CapacityFormula::tutel, .at_most_load = true};
  EXPECT_EQ(capacity_for(rule, demand), 16);
  demand.max_load = 9;
  EXPECT_EQ(capacity_for(rule, demand), 9);
  // megablocks does so too where the factor leaves less than one row.
  rule = {.factor = 0.07, .formula = CapacityFormula::megablocks};
  EXPECT_EQ(capacity_for(rule, demand), 9);
  rule.factor = 0.09;  // 1.125
  EXPECT_EQ(capacity_for(rule, demand), 1);
}

TEST(Capacity, TutelNeverCountsMoreChoicesThanExperts) {
  EXPECT_EQ(capacity(CapacityFormula::tutel, {100, 8, 4}, 1.0), 100);
  EXPECT_EQ(capacity(CapacityFormula::tutel, {100, 4, 4}, 1.0), 100);
}

TEST(Capacity, NllbAtFactorZeroIsTheTrainingRule) {
  EXPECT_EQ(capacity(CapacityFormula::nllb, {100, 2, 16}, 0.0), 14);
  EXPECT_EQ(capacity(CapacityFormula::nllb, {100, 2, 16}, 0.05), 5);
}

TEST(Capacity, MaxtextAlwaysLeavesTheFactor) {
  EXPECT_EQ(capacity(CapacityFormula::maxtext, {0, 2, 8}, 3.75), 3);
  EXPECT_EQ(capacity(CapacityFormula::maxtext, {1, 1, 8}, 3.75), 3);
}

TEST(Capacity, NoTokensLeaveTheFormulasMinimum) {
  for (const FormulaInfo& info : capacity_formulas()) {
    const Index least = info.formula == CapacityFormula::maxtext ? 1 : info.min;
    EXPECT_EQ(capacity(info.formula, {0, 2, 8}, 1.25), least) << info.name;
  }
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
  const CapacityDemand demand{.tokens = 1000, .top_k = 2, .experts = 8};
  CapacityRule rule{.factor = 0.0, .min = 9};
  EXPECT_EQ(capacity_for(rule, demand), 9);
  rule.multiple_of = 8;
  EXPECT_EQ(capacity_for(rule, demand), 16);
}

TEST(Capacity, MinimumComesBeforeTheMultiple) {
  const CapacityDemand ten{.tokens = 10, .top_k = 2, .experts = 4};
  CapacityRule rule{.factor = 1.25, .formula = CapacityFormula::megatron, .min = 5, .multiple_of = 1};
  EXPECT_EQ(capacity_for(rule, ten), 7);
  rule.multiple_of = 4;
  EXPECT_EQ(capacity_for(rule, ten), 8);
  rule.min = 9;
  EXPECT_EQ(capacity_for(rule, ten), 12);
  rule.min = 12;
  EXPECT_EQ(capacity_for(rule, ten), 12);
}

TEST(Capacity, GivenMinimumAndMultipleReplaceTheFormulasOwn) {
  const CapacityDemand hundred{.tokens = 100, .top_k = 2, .experts = 16};
  CapacityRule rule{.factor = 1.25, .formula = CapacityFormula::gshard};
  EXPECT_EQ(capacity_for(rule, hundred), 8);
  rule.multiple_of = 1;
  EXPECT_EQ(capacity_for(rule, hundred), 7);
  rule.factor = 0.25;  // 1.56
  EXPECT_EQ(capacity_for(rule, hundred), 4);
  rule.min = 0;
  EXPECT_EQ(capacity_for(rule, hundred), 1);
  rule = {.factor = 1.0, .formula = CapacityFormula::switch_transformer, .min = 2};  // Switch-C
  EXPECT_EQ(capacity_for(rule, {.tokens = 16, .top_k = 1, .experts = 16}), 2);
}

TEST(Capacity, HugeSizesSaturateInsteadOfOverflowing) {
  constexpr Index kMost = std::numeric_limits<Index>::max();
  for (const FormulaInfo& info : capacity_formulas()) {
    for (const Index multiple : {Index{1}, Index{1'048'576}, kMost}) {
      const CapacityRule rule{.factor = 1e6, .formula = info.formula, .min = kMost, .multiple_of = multiple};
      const Index rows = capacity_for(rule, {kMost, kMost, 1, kMost});
      EXPECT_GE(rows, 0);
      EXPECT_EQ(rows % multiple, 0);
    }
    EXPECT_GE(capacity(info.formula, {Index{1} << 61, 1, 1}, 1.0), Index{1} << 61) << info.name;
  }
  EXPECT_EQ(capacity(CapacityFormula::megatron, {Index{1} << 40, 1024, 1}, 1.0), Index{1} << 50);
}

TEST(Capacity, ImpossibleArgumentsAreOurMistake) {
  const CapacityRule rule;
  EXPECT_THROW(capacity_for(rule, {-1, 1, 1}), Error);
  EXPECT_THROW(capacity_for(rule, {1, -1, 1}), Error);
  EXPECT_THROW(capacity_for(rule, {1, 1, 0}), Error);
  EXPECT_THROW(capacity_for(rule, {1, 1, 1, -1}), Error);
  EXPECT_THROW(capacity_for({.factor = std::nan("")}, {1, 1, 1}), Error);
  EXPECT_THROW(capacity_for({.factor = std::numeric_limits<double>::infinity()}, {1, 1, 1}), Error);
  EXPECT_THROW(capacity_for({.factor = -1.0}, {1, 1, 1}), Error);
  EXPECT_THROW(capacity_for({.min = -2}, {1, 1, 1}), Error);
  EXPECT_THROW(capacity_for({.multiple_of = 0}, {1, 1, 1}), Error);
  EXPECT_THROW(capacity_for({.multiple_of = -2}, {1, 1, 1}), Error);
}

RC_GTEST_PROP(Capacity, GrowsWithTheFactorAndObeysItsRule, ()) {
  const CapacityDemand demand{.tokens = *rc::gen::inRange<Index>(0, 5000),
                              .top_k = *rc::gen::inRange<Index>(1, 9),
                              .experts = *rc::gen::inRange<Index>(1, 300)};
  const auto formulas = capacity_formulas();
  CapacityRule rule{.factor = 0.001 * *rc::gen::inRange(1, 5000),
                    .formula = formulas[*rc::gen::inRange<std::size_t>(0, formulas.size())].formula,
                    .rounding = *rc::gen::element(Rounding::ceil, Rounding::round),
                    .min = *rc::gen::inRange<Index>(0, 50),
                    .multiple_of = *rc::gen::inRange<Index>(1, 40)};
  const Index rows = capacity_for(rule, demand);
  RC_ASSERT(rows >= rule.min);
  RC_ASSERT(rows % rule.multiple_of == 0);
  rule.factor += 0.1;
  RC_ASSERT(capacity_for(rule, demand) >= rows);
}

TEST(CapacityFormulas, AllHaveWordsAndSources) {
  for (const FormulaInfo& info : capacity_formulas()) {
    EXPECT_EQ(enum_text(info.formula), info.name);
    EXPECT_FALSE(info.rows.empty()) << info.name;
    EXPECT_FALSE(info.origin.empty()) << info.name;
    EXPECT_GE(info.min, 0) << info.name;
    EXPECT_GE(info.multiple_of, 1) << info.name;
  }
}

TEST(CapacityRule, EveryFieldIsDescribed) {
  std::vector<std::string> names;
  for (const FieldInfo& info : fields_of<CapacityRule>().infos()) {
    names.push_back(info.name);
    EXPECT_FALSE(info.doc.empty()) << info.name;
    EXPECT_FALSE(info.required) << info.name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"factor", "formula", "rounding", "at_most_load", "min",
                                             "multiple_of", "group", "drop", "devices", "exempt",
                                             "sequence_tokens", "tries", "renorm", "renorm_eps"}));
}

TEST(CapacityRule, WordsOfAConfig) {
  EXPECT_EQ(enum_text(CapacityFormula::switch_transformer), "switch");
  EXPECT_EQ(enum_text(DropRule::position_token_major), "position_token_major");
  EXPECT_EQ(enum_text(Renormalise::none), "none");
  EXPECT_EQ(enum_text(Renormalise::after_drop), "after_drop");
  EXPECT_EQ(enum_text(Rounding::ceil), "ceil");
  EXPECT_EQ(enum_text(Rounding::round), "round");
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
      {"formula", "tutle", Outcome::unknown_choice},
      {"formula", "tutel", Outcome::ok},
      {"rounding", "floor", Outcome::unknown_choice},
      {"min", "-1", Outcome::out_of_range},
      {"min", "formula", Outcome::ok},
      {"multiple_of", "formula", Outcome::ok},
      {"multiple_of", "-1", Outcome::out_of_range},
      {"group", "0", Outcome::out_of_range},
      {"group", "batch", Outcome::ok},
      {"group", "2048", Outcome::ok},
      {"devices", "0", Outcome::out_of_range},
      {"exempt", "1.5", Outcome::out_of_range},
      {"tries", "0", Outcome::out_of_range},
      {"renorm_eps", "-1", Outcome::out_of_range},
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
