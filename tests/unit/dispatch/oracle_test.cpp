// Every formula and every drop rule against the naive oracle, on seeded inputs full of ties.

#include "oracle/drops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/random.h"
#include "dispatch/plan.h"
#include "routings.h"

namespace moesim {
namespace {

using testing::NaiveFate;
using testing::NaiveRouting;
using testing::NaiveRule;

struct Draw {
  explicit Draw(std::uint64_t index) : sequence({.seed = 77, .stream = Stream::test}, index) {}
  RandomSequence sequence;

  template <class T>
  T among(const std::vector<T>& values) {
    return values[sequence.next_below(static_cast<std::uint32_t>(values.size()))];
  }
  Index below(Index bound) { return sequence.next_below(static_cast<std::uint32_t>(bound)); }
};

TEST(Capacity, EqualsTheNaiveOracleOnAThousandInputsPerFormula) {
  for (const FormulaInfo& info : capacity_formulas()) {
    for (std::uint64_t i = 0; i < 1000; ++i) {
      Draw draw(i);
      CapacityRule rule{.factor = draw.among<double>({0, 0.1, 0.5, 1, 1.05, 1.1, 1.2, 1.25, 2, 2.4, 1.0 / 3}),
                        .formula = info.formula,
                        .rounding = draw.among<Rounding>({Rounding::ceil, Rounding::round}),
                        .min = draw.among<std::int64_t>({kAsTheFormula, kAsTheFormula, 0, 3, 17}),
                        .multiple_of = draw.among<std::int64_t>({kAsTheFormula, kAsTheFormula, 1, 4, 7})};
      rule.at_most_load = draw.below(2) == 1;
      const CapacityDemand demand{.tokens = draw.among<Index>({0, 1, 7, 100, 512, 8192, draw.below(3000)}),
                                  .top_k = draw.among<Index>({1, 2, 3, 4, 8}),
                                  .experts = draw.among<Index>({1, 3, 8, 16, 60, 64, 128}),
                                  .max_load = draw.below(300)};
      const NaiveRule naive{.factor = rule.factor,
                            .formula = std::string(info.name),
                            .rounding = std::string(enum_text(rule.rounding)),
                            .at_most_load = rule.at_most_load,
                            .min = rule.min,
                            .multiple_of = rule.multiple_of};
      ASSERT_EQ(capacity_for(rule, demand),
                naive_capacity(naive, demand.tokens, demand.top_k, demand.experts, demand.max_load))
          << info.name << " T=" << demand.tokens << " k=" << demand.top_k << " E=" << demand.experts
          << " CF=" << rule.factor << " case " << i;
    }
  }
}

struct Case {
  Assignments assignments;
  Matrix logits;
  CapacityRule rule;
  PlanInput input() const {
    return {.assignments = assignments,
            .rule = &rule,
            .top_k = top_k,
            .logits = logits.view(),
            .seed = seed,
            .first_token = first_token,
            .layer = layer};
  }
  Index top_k = 1;
  std::uint64_t seed = 0;
  std::uint64_t first_token = 0;
  std::uint32_t layer = 0;
};

Case draw_case(DropRule drop, std::uint64_t index) {
  Draw draw(index);
  Case c;
  const Index experts = draw.among<Index>({1, 2, 4, 6, 12});
  const Index tokens = draw.among<Index>({0, 1, 3, 12, 20, 40});
  c.top_k = draw.among<Index>({1, 1 + draw.below(experts)});
  c.assignments = test::draw_routing({.num_tokens = tokens,
                                      .num_experts = experts,
                                      .min_k = draw.below(2) == 0 ? 0 : c.top_k,
                                      .max_k = c.top_k},
                                     draw.sequence);
  if (draw.below(3) == 0) {  // raw scores: some below 0
    for (float& score : c.assignments.score) {
      score -= 0.25F;
    }
  }
  c.logits.resize(tokens, experts);
  for (Index t = 0; t < tokens; ++t) {
    for (float& z : c.logits.row(t)) {
      z = 0.5F * static_cast<float>(draw.below(7)) - 2.0F;
    }
  }
  c.rule = {.factor = draw.among<double>({0, 0.5, 1, 1, 1.25, 4}),
            .formula = draw.among<CapacityFormula>({CapacityFormula::megatron, CapacityFormula::megatron,
                                                    CapacityFormula::megatron, CapacityFormula::megablocks,
                                                    CapacityFormula::fastmoe, CapacityFormula::tutel}),
            .min = draw.among<std::int64_t>({kAsTheFormula, kAsTheFormula, 0, 1, 30}),
            .group = draw.among<std::int64_t>({0, 0, 1, 5, 50}),
            .drop = drop,
            .devices = experts % 2 == 0 ? draw.among<std::int64_t>({1, 2, experts}) : 1,
            .exempt = draw.among<double>({0, 0.1, 0.5, 1}),
            .sequence_tokens = 1 + draw.below(6),
            .tries = 1 + draw.below(6),
            .renorm = draw.among<Renormalise>({Renormalise::none, Renormalise::after_drop}),
            .renorm_eps = draw.among<double>({0, 1.1920929e-7, 0.3})};
  c.seed = index;
  c.first_token = draw.below(1000);
  c.layer = static_cast<std::uint32_t>(draw.below(4));
  return c;
}

std::uint64_t luck_bits(const Case& c, Index token, std::size_t choice) {
  const auto bits =
      random_bits({.seed = c.seed, .stream = Stream::drop_rule, .layer = c.layer},
                  c.first_token + static_cast<std::uint64_t>(token), static_cast<std::uint32_t>(choice));
  return (std::uint64_t{bits[0]} << 32) | bits[1];
}

NaiveRouting naive_routing(const Case& c) {
  NaiveRouting naive;
  naive.num_experts = static_cast<int>(c.assignments.num_experts);
  for (Index t = 0; t < c.assignments.num_tokens(); ++t) {
    std::vector<testing::NaiveClaim> claims;
    for (Index a = c.assignments.begin[t]; a < c.assignments.begin[t + 1]; ++a) {
      const std::uint64_t luck = luck_bits(c, t, claims.size());
      claims.push_back({.expert = c.assignments.expert[a],
                        .weight = c.assignments.weight[a],
                        .score = c.assignments.score[a],
                        .luck = luck,
                        .draw = std::ldexp(static_cast<double>(luck >> 11), -53)});
    }
    naive.tokens.push_back(claims);
    const auto row = c.logits.row(t);
    naive.logits.emplace_back(row.begin(), row.end());
    const std::uint64_t sequence =
        (c.first_token + static_cast<std::uint64_t>(t)) / static_cast<std::uint64_t>(c.rule.sequence_tokens);
    RandomSequence random({.seed = c.seed, .stream = Stream::drop_rule}, sequence);
    naive.exempt.push_back(random.next_uniform() < c.rule.exempt);
  }
  return naive;
}

NaiveRule naive_rule(const CapacityRule& rule) {
  return {.factor = rule.factor,
          .formula = std::string(enum_text(rule.formula)),
          .min = rule.min,
          .group = static_cast<int>(rule.group),
          .drop = std::string(enum_text(rule.drop)),
          .devices = static_cast<int>(rule.devices),
          .tries = static_cast<int>(rule.tries),
          .renorm = std::string(enum_text(rule.renorm)),
          .renorm_eps = rule.renorm_eps};
}

std::string word_of(DropReason reason) {
  switch (reason) {
    case DropReason::kept:
      return "kept";
    case DropReason::capacity:
      return "capacity";
    case DropReason::rerouted:
      return "rerouted";
    case DropReason::exempt:
      return "exempt";
    case DropReason::outranked:
      return "outranked";
  }
  return "?";
}

using Seen = std::map<std::string, int>;  // how often each fate came up

void compare(const Case& c, const std::string& what, Seen& seen) {
  const DispatchPlan plan = make_plan(c.input());
  ASSERT_NO_THROW(check_plan(plan, c.assignments)) << what;
  const std::vector<std::vector<NaiveFate>> naive = naive_plan(naive_routing(c), naive_rule(c.rule), c.top_k);
  for (Index t = 0; t < plan.num_tokens(); ++t) {
    for (Index a = plan.token_begin[t]; a < plan.token_begin[t + 1]; ++a) {
      const NaiveFate& fate = naive[t][a - plan.token_begin[t]];
      ASSERT_EQ(word_of(plan.drop_reason[a]), fate.reason) << what << " token " << t << " assignment " << a;
      ++seen[fate.reason];
      const Index row = plan.assignment_row[a];
      ASSERT_EQ(row < 0 ? -1 : plan.expert_of_row(row), fate.expert) << what << " assignment " << a;
      if (row >= 0) {
        ASSERT_EQ(plan.row_token[row], t) << what;
        ASSERT_NEAR(plan.row_weight[row], fate.weight, 1e-6 * std::abs(fate.weight)) << what;
      }
    }
  }
}

TEST(DropRules, EqualTheNaiveOracleOnAThousandRoutingsEach) {
  for (const DropRuleInfo& info : drop_rules()) {
    Seen seen;
    for (std::uint64_t i = 0; i < 1000; ++i) {
      const Case c = draw_case(info.rule, i);
      compare(c, std::string(info.name) + " case " + std::to_string(i), seen);
      ASSERT_FALSE(HasFatalFailure());
    }
    EXPECT_GT(seen["kept"], 2000) << info.name;
    EXPECT_GT(seen["capacity"], info.rule == DropRule::recycle ? 500 : 1000) << info.name;
    const bool moves = info.rule == DropRule::recycle || info.rule == DropRule::ntlb;
    EXPECT_EQ(seen["rerouted"] > 200, moves) << info.name << " " << seen["rerouted"];
    EXPECT_EQ(seen["exempt"] > 1000, info.rule == DropRule::device_level) << info.name;
    EXPECT_EQ(seen["outranked"] > 300, info.rule == DropRule::deepspeed_probs) << info.name;
  }
}

// mesh-tensorflow's switch_max as it stands there: the column of an expert holds the probability of the
// tokens that chose it and 0 for the others, and its C best entries are kept where they are not 0.
TEST(ExpertWeight, IsSwitchMaxForOneChoiceWeighedByItsProbability) {
  for (std::uint64_t i = 0; i < 1000; ++i) {
    Draw draw(i);
    const Index experts = draw.among<Index>({1, 2, 5, 8});
    const Index tokens = draw.among<Index>({1, 3, 12, 20});
    Assignments assignments = test::draw_routing(
        {.num_tokens = tokens, .num_experts = experts, .min_k = 1, .max_k = 1}, draw.sequence);
    for (Index a = 0; a < assignments.size(); ++a) {  // probabilities: above 0
      assignments.weight[a] = 0.125F * static_cast<float>(1 + draw.below(8));
      assignments.score[a] = assignments.weight[a];
    }
    const CapacityRule rule{.factor = 0, .min = draw.below(7), .drop = DropRule::expert_weight};
    const DispatchPlan plan = make_plan({.assignments = assignments, .rule = &rule});
    for (Index e = 0; e < experts; ++e) {
      std::vector<float> column;
      for (Index t = 0; t < tokens; ++t) {
        column.push_back(assignments.expert[t] == e ? assignments.weight[t] : 0.0F);
      }
      for (Index slot = 0; slot < std::min(rule.min, tokens); ++slot) {  // top_1 again and again
        const auto best = std::max_element(column.begin(), column.end());
        const Index token = best - column.begin();
        if (*best > 0) {
          ASSERT_GE(plan.assignment_row[token], 0) << "case " << i;
        }
        *best = -1;
      }
      for (Index t = 0; t < tokens; ++t) {
        if (assignments.expert[t] == e && column[t] > 0) {
          ASSERT_LT(plan.assignment_row[t], 0) << "case " << i;
        }
      }
    }
  }
}

}  // namespace
}  // namespace moesim
