// What chance alone drops: a perfectly uniform router against closed forms.
//
// Dropped share of the assignments: D = E·E[(N − c)+] / (kT), N ~ Bin(T, k/E). The numbers are printed in the
// preprint "The Capacity Factor Is Not a Constant" and in the survey of conventions; where the factor leaves
// a fraction of a row, what drops depends on the formula: rounded down 36.5 %, up 10.1 % in the first row.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/random.h"
#include "dispatch/plan.h"
#include "router/draw.h"

namespace moesim {
namespace {

struct Shape {
  Index experts = 1, top_k = 1, tokens = 1;
};

// log of P(N = n), N ~ Bin(trials, p).
double log_binomial(double trials, double n, double p) {
  return std::lgamma(trials + 1) - std::lgamma(n + 1) - std::lgamma(trials - n + 1) + n * std::log(p) +
         (trials - n) * std::log1p(-p);
}

double dropped_share(const Shape& s, Index capacity) {
  const auto trials = static_cast<double>(s.tokens);
  const double p = static_cast<double>(s.top_k) / static_cast<double>(s.experts);
  double excess = 0;
  for (Index n = capacity + 1; n <= s.tokens; ++n) {
    excess += static_cast<double>(n - capacity) * std::exp(log_binomial(trials, static_cast<double>(n), p));
  }
  return excess / (trials * p);
}

// Every ordered choice of k different experts equally likely.
Assignments uniform_routing(const Shape& s, std::uint64_t draw) {
  Assignments out;
  out.num_experts = s.experts;
  out.expert.resize(static_cast<std::size_t>(s.tokens * s.top_k));
  out.weight.assign(out.expert.size(), 1.0F);
  out.score.assign(out.expert.size(), 1.0F);
  DistinctDraw distinct(s.experts);
  for (Index t = 0; t <= s.tokens; ++t) {
    out.begin.push_back(t * s.top_k);
    if (t < s.tokens) {
      distinct.draw(RandomSequence({.seed = draw, .stream = Stream::test}, static_cast<std::uint64_t>(t)),
                    std::span(out.expert)
                        .subspan(static_cast<std::size_t>(t * s.top_k), static_cast<std::size_t>(s.top_k)));
    }
  }
  return out;
}

struct Mean {
  double sum = 0, squares = 0;
  int count = 0;
  void add(double x) {
    sum += x;
    squares += x * x;
    ++count;
  }
  double value() const { return sum / count; }
  double error() const { return std::sqrt(std::max(0.0, squares / count - value() * value()) / count); }
};

struct LawRow {
  Shape shape;
  std::vector<double> at_1, at_1_25, at_1_5, at_2;  // rounded down, and rounded up where that differs
};

const std::vector<LawRow>& printed_table() {
  static const std::vector<LawRow> kTable = {
      {{64, 1, 64}, {0.364987}, {0.364987, 0.100753}, {0.364987, 0.100753}, {0.100753}},
      {{64, 1, 512}, {0.138491}, {0.052261}, {0.015666}, {0.000726}},
      {{64, 1, 1024}, {0.098439}, {0.022415}, {0.003046}, {0.000013}},
      {{64, 1, 8192}, {0.034963}, {0.000083}, {0}, {0}},
      {{128, 1, 1024}, {0.139040}, {0.052748}, {0.015947}, {0.000760}},
      {{8, 2, 1024}, {0.021586}, {0}, {0}, {0}},
      {{64, 8, 128}, {0.092801}, {0.018582}, {0.001990}, {0.000003}},
      {{256, 8, 4096}, {0.034684}, {0.000076}, {0}, {0}}};
  return kTable;
}

// The printed shares of one factor against the closed form and against plans of `formula`.
void check_cell(const Shape& shape, double factor, CapacityFormula formula, double printed) {
  const CapacityRule rule{.factor = factor, .formula = formula};
  const CapacityDemand demand{.tokens = shape.tokens, .top_k = shape.top_k, .experts = shape.experts};
  const double exact = dropped_share(shape, capacity_for(rule, demand));
  EXPECT_NEAR(exact, printed, 6e-7) << "E=" << shape.experts << " T=" << shape.tokens << " CF=" << factor;
  const int draws = static_cast<int>(std::clamp<Index>(400'000 / (shape.tokens * shape.top_k), 20, 2000));
  Mean share;
  for (int draw = 0; draw < draws; ++draw) {
    const Assignments routing = uniform_routing(shape, static_cast<std::uint64_t>(draw));
    const DispatchPlan plan = make_plan({.assignments = routing, .rule = &rule, .top_k = shape.top_k});
    share.add(1.0 - static_cast<double>(plan.num_rows()) / static_cast<double>(plan.num_assignments()));
  }
  // Four standard errors; where hardly anything is dropped, two assignments in all.
  const double rare = 2.0 / (static_cast<double>(shape.tokens * shape.top_k) * draws);
  EXPECT_NEAR(share.value(), exact, 4 * share.error() + rare)
      << "E=" << shape.experts << " T=" << shape.tokens << " CF=" << factor;
}

TEST(DropLaw, UniformRoutersDropWhatTheBinomialLawSays) {
  for (const LawRow& row : printed_table()) {
    const std::pair<double, std::vector<double>> cells[] = {
        {1.0, row.at_1}, {1.25, row.at_1_25}, {1.5, row.at_1_5}, {2.0, row.at_2}};
    for (const auto& [factor, printed] : cells) {
      check_cell(row.shape, factor, CapacityFormula::megablocks, printed.front());  // down
      check_cell(row.shape, factor, CapacityFormula::megatron, printed.back());     // up
    }
  }
}

// First come, first served: token t loses its place when its expert is full already, P(Bin(t, 1/E) >= c). The
// random rule loses as many, everywhere alike.
TEST(DropLaw, FirstComeDropsTheEndOfTheBatch) {
  const Shape shape{.experts = 64, .top_k = 1, .tokens = 1000};
  constexpr Index kCapacity = 16;
  constexpr int kDraws = 400;
  std::vector<Mean> first_come(10);
  std::vector<Mean> random(10);
  for (int draw = 0; draw < kDraws; ++draw) {
    const Assignments routing = uniform_routing(shape, static_cast<std::uint64_t>(draw));
    for (const DropRule drop : {DropRule::position_token_major, DropRule::random}) {
      const CapacityRule rule{.factor = 0, .min = kCapacity, .drop = drop};
      const DispatchPlan plan =
          make_plan({.assignments = routing, .rule = &rule, .seed = static_cast<std::uint64_t>(draw)});
      for (std::size_t tenth = 0; tenth < 10; ++tenth) {
        const auto begin = plan.assignment_row.begin() + static_cast<std::ptrdiff_t>(tenth) * 100;
        const auto lost = static_cast<double>(std::count(begin, begin + 100, Index{-1})) / 100;
        (drop == DropRule::random ? random : first_come)[tenth].add(lost);
      }
    }
  }
  const double overall = dropped_share(shape, kCapacity);
  double sum = 0;
  for (int tenth = 0; tenth < 10; ++tenth) {
    double expected = 0;
    for (int t = 100 * tenth; t < 100 * tenth + 100; ++t) {
      double room = 0;
      for (Index n = 0; n < std::min<Index>(kCapacity, t + 1); ++n) {
        room += std::exp(log_binomial(t, static_cast<double>(n), 1.0 / 64));
      }
      expected += std::max(0.0, 1 - room) / 100;
    }
    sum += expected / 10;
    EXPECT_NEAR(first_come[tenth].value(), expected, 4 * first_come[tenth].error() + 1e-4) << tenth;
    EXPECT_NEAR(random[tenth].value(), overall, 4 * random[tenth].error()) << tenth;
  }
  EXPECT_NEAR(sum, overall, 1e-9);
  EXPECT_LT(first_come[0].value(), 1e-4);
  EXPECT_GT(first_come[9].value(), 0.35);
}

// In groups the same happens inside each group.
TEST(DropLaw, GroupsDropAsBatchesOfTheirSize) {
  const Shape shape{.experts = 64, .top_k = 1, .tokens = 2048};
  const double exact = dropped_share({64, 1, 512}, 8);
  const CapacityRule rule{.factor = 1.0, .group = 512};
  Mean share;
  for (std::uint64_t draw = 0; draw < 200; ++draw) {
    const Assignments routing = uniform_routing(shape, draw);
    const DispatchPlan plan = make_plan({.assignments = routing, .rule = &rule});
    share.add(1.0 - static_cast<double>(plan.num_rows()) / 2048.0);
  }
  EXPECT_NEAR(share.value(), exact, 4 * share.error());
  EXPECT_NEAR(dropped_share(shape, 32), 0.069788, 1e-6);  // the batch as one group would lose half as much
}

}  // namespace
}  // namespace moesim
