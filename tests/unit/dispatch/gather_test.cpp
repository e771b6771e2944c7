#include "dispatch/gather.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/error.h"
#include "routings.h"

namespace moesim {
namespace {

Matrix hidden_of(Index tokens, Index width) {
  Matrix hidden(tokens, width);
  for (Index t = 0; t < tokens; ++t) {
    fill_normal({.seed = 1}, static_cast<std::uint64_t>(t), 1.0F, hidden.row(t));
  }
  return hidden;
}

TEST(GatherRows, CopiesTokensIntoExpertOrder) {
  const Assignments assignments = test::routing_of(2, {{{1, .5F, 1}, {0, .25F, 1}}, {{1, .75F, 1}}});
  const Matrix hidden = hidden_of(2, 3);
  Matrix rows(3, 3);
  gather_rows(make_plan({.assignments = assignments}), hidden.view(), rows.view(), Context({}));
  for (std::size_t d = 0; d < 3; ++d) {
    EXPECT_EQ(rows.row(0)[d], hidden.row(0)[d]);
    EXPECT_EQ(rows.row(1)[d], hidden.row(0)[d]);
    EXPECT_EQ(rows.row(2)[d], hidden.row(1)[d]);
  }
}

TEST(GatherRows, MultipliesByTheWeightWhenItIsOnTheInput) {
  Assignments assignments = test::routing_of(2, {{{1, .5F, 1}, {0, .25F, 1}}, {{1, .75F, 1}}});
  assignments.weight_on = WeightOn::input;
  const Matrix hidden = hidden_of(2, 3);
  Matrix rows(3, 3);
  gather_rows(make_plan({.assignments = assignments}), hidden.view(), rows.view(), Context({}));
  for (std::size_t d = 0; d < 3; ++d) {
    EXPECT_EQ(rows.row(0)[d], .25F * hidden.row(0)[d]);
    EXPECT_EQ(rows.row(1)[d], .5F * hidden.row(0)[d]);
    EXPECT_EQ(rows.row(2)[d], .75F * hidden.row(1)[d]);
  }
}

TEST(GatherRows, HasTheSameBitsOnAnyNumberOfThreads) {
  RandomSequence random({.seed = 4}, 0);
  Assignments assignments = test::draw_routing({.num_tokens = 500, .num_experts = 7, .max_k = 3}, random);
  assignments.weight_on = WeightOn::input;
  const DispatchPlan plan = make_plan({.assignments = assignments});
  const Matrix hidden = hidden_of(500, 17);
  Matrix one(plan.num_rows(), 17);
  gather_rows(plan, hidden.view(), one.view(), Context({.threads = 1}));
  for (const int threads : {2, 3, 7}) {
    Matrix many(plan.num_rows(), 17);
    many.fill(-1.0F);
    gather_rows(plan, hidden.view(), many.view(), Context({.threads = threads, .task_delay_seed = 9}));
    EXPECT_EQ(std::memcmp(one.data(), many.data(), sizeof(float) * 17 * static_cast<std::size_t>(one.rows())),
              0);
  }
}

TEST(GatherRows, NoRowsAreOrdinaryAndWrongSizesAreNot) {
  const Assignments none = test::no_tokens(2);
  const DispatchPlan plan = make_plan({.assignments = none});
  const Context context({});
  Matrix rows(0, 4);
  EXPECT_NO_THROW(gather_rows(plan, Matrix(0, 4).view(), rows.view(), context));
  EXPECT_THROW(gather_rows(plan, Matrix(1, 4).view(), rows.view(), context), Error);
  EXPECT_THROW(gather_rows(plan, Matrix(0, 3).view(), rows.view(), context), Error);
  Matrix one(1, 4);
  EXPECT_THROW(gather_rows(plan, Matrix(0, 4).view(), one.view(), context), Error);
}

}  // namespace
}  // namespace moesim
