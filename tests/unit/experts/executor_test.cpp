#include "experts/executor.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/error.h"
#include "experts/combine.h"
#include "support/reference.h"

namespace moesim {
namespace {

Node section(const std::vector<std::pair<std::string, std::string>>& keys) {
  Node node;
  node.kind = Node::Kind::map;
  for (const auto& [key, text] : keys) {
    Node::Entry entry;
    entry.key = key;
    entry.value.kind = Node::Kind::scalar;
    entry.value.text = text;
    node.entries.push_back(entry);
  }
  return node;
}

std::unique_ptr<Executor> make(const std::vector<std::pair<std::string, std::string>>& keys) {
  Binder binder;
  const Node node = section(keys);
  ExecutorChoice choice = make_executor(binder, &node);
  EXPECT_TRUE(binder.diagnostics.empty()) << binder.diagnostics.render_all();
  return std::move(choice.executor);
}

Matrix random_rows(Index rows, Index cols, std::uint64_t seed) {
  Matrix matrix(rows, cols);
  for (Index r = 0; r < rows; ++r) {
    fill_normal({.seed = seed}, static_cast<std::uint64_t>(r), 1.0F, matrix.row(r));
  }
  return matrix;
}

bool same_bits(MatrixView a, MatrixView b) {
  return a.rows == b.rows && a.cols == b.cols &&
         (a.rows * a.cols == 0 ||
          std::memcmp(a.data, b.data, static_cast<std::size_t>(a.rows * a.cols) * sizeof(float)) == 0);
}

struct Case {
  Index d_model, width, experts;
  std::vector<Index> begin;
  Activation activation;
};

std::vector<Case> cases() {
  return {
      {16, 32, 1, {0, 0}, Activation::swiglu},                // no rows at all
      {16, 32, 1, {0, 1}, Activation::swiglu},                // one row
      {8, 24, 3, {0, 5, 5, 9}, Activation::geglu},            // an idle expert
      {33, 17, 4, {0, 31, 64, 65, 130}, Activation::gelu},    // odd sizes, tiles begun
      {40, 600, 2, {0, 64, 200}, Activation::relu},           // more than one block of units
      {64, 96, 5, {0, 1, 2, 66, 67, 300}, Activation::silu},  // uneven
      {48, 1030, 2, {0, 3, 70}, Activation::swiglu},          // block with a remainder
      {1, 1, 2, {0, 2, 3}, Activation::swiglu},               // as small as it gets
  };
}

TEST(Executor, EveryKindAgreesWithTheDoublePrecisionReference) {
  const Context context({.threads = 3});
  for (const char* kind : {"serial", "tiled"}) {
    const std::unique_ptr<Executor> executor = make({{"kind", kind}});
    for (const Case& c : cases()) {
      const ExpertBank bank = make_bank({.seed = 5,
                                         .num_experts = c.experts,
                                         .d_model = c.d_model,
                                         .width = c.width,
                                         .activation = c.activation},
                                        context);
      const Matrix in = random_rows(c.begin.back(), c.d_model, 9);
      Matrix out(in.rows(), in.cols());
      executor->run({bank, c.begin, in.view(), out.view()}, context);
      for (Index e = 0; e < c.experts; ++e) {
        for (Index r = c.begin[static_cast<std::size_t>(e)]; r < c.begin[static_cast<std::size_t>(e) + 1];
             ++r) {
          EXPECT_LE(reference::relative_distance(out.row(r), reference::expert_row(bank, e, in.row(r))), 1e-5)
              << kind << " expert " << e << " row " << r << " width " << c.width;
        }
      }
    }
  }
}

TEST(TiledExecutor, HasTheSameBitsForAnyNumberOfThreads) {
  const std::unique_ptr<Executor> executor = make({{"kind", "tiled"}});
  for (const Case& c : cases()) {
    std::vector<Matrix> outputs;
    for (const int threads : {1, 2, 4, 7}) {
      const Context context({.threads = threads, .task_delay_seed = static_cast<std::uint64_t>(threads)});
      const ExpertBank bank = make_bank({.seed = 5,
                                         .num_experts = c.experts,
                                         .d_model = c.d_model,
                                         .width = c.width,
                                         .activation = c.activation},
                                        context);
      const Matrix in = random_rows(c.begin.back(), c.d_model, 9);
      Matrix out(in.rows(), in.cols());
      executor->run({bank, c.begin, in.view(), out.view()}, context);
      outputs.push_back(std::move(out));
    }
    for (const Matrix& out : outputs) {
      EXPECT_TRUE(same_bits(out.view(), outputs.front().view()));
    }
  }
}

TEST(TiledExecutor, ARowDoesNotDependOnItsNeighbours) {
  const Context context({.threads = 2});
  const std::unique_ptr<Executor> executor = make({{"kind", "tiled"}});
  for (const Index width : {48, 512, 700}) {
    const ExpertBank bank = make_bank({.seed = 2, .num_experts = 1, .d_model = 72, .width = width}, context);
    const Matrix in = random_rows(150, 72, 3);
    Matrix whole(150, 72);
    const Index all[] = {0, 150};
    executor->run({bank, all, in.view(), whole.view()}, context);
    for (const Index count : {1, 2, 31, 63, 64, 65, 149}) {
      for (const Index first : {Index{0}, 150 - count}) {
        Matrix part(count, 72);
        const Index begin[] = {0, count};
        executor->run({bank, begin, in.view().block(first, count), part.view()}, context);
        EXPECT_TRUE(same_bits(part.view(), whole.view().block(first, count)))
            << count << " rows from " << first;
      }
    }
  }
}

TEST(Executor, KindsWithoutAProductAreFilledIn) {
  const Context context({.threads = 2});
  const std::unique_ptr<Executor> executor = make({{"kind", "tiled"}});
  ExpertBank bank = make_bank({.seed = 1,
                               .num_experts = 1,
                               .d_model = 8,
                               .width = 16,
                               .constant_experts = 2,
                               .copy_experts = 1,
                               .zero_experts = 1},
                              context);
  // Equal logits: half the input, half the vector. A large first logit: the input alone.
  bank.constant.fill(2.5F);
  bank.constant_gate.fill(0.0F);
  bank.constant_gate.row(2)[0] = 1e30F;
  Matrix in = random_rows(10, 8, 4);
  in.row(5)[0] = 1.0F;
  Matrix out(10, 8);
  const Index begin[] = {0, 2, 4, 6, 8, 10};
  executor->run({bank, begin, in.view(), out.view()}, context);
  EXPECT_LE(reference::relative_distance(out.row(1), reference::expert_row(bank, 0, in.row(1))), 1e-5);
  for (std::size_t d = 0; d < 8; ++d) {
    EXPECT_FLOAT_EQ(out.row(3)[d], 0.5F * in.row(3)[d] + 1.25F);
    EXPECT_EQ(out.row(9)[d], 0.0F);
  }
  EXPECT_TRUE(same_bits(out.view().block(5, 1), in.view().block(5, 1)));
  EXPECT_TRUE(same_bits(out.view().block(6, 2), in.view().block(6, 2)));
}

TEST(CheckExecutor, PassesEqualExecutorsAndNamesTheRowOfAnUnequalOne) {
  const Context context({.threads = 2});
  const ExpertBank bank = make_bank({.seed = 1, .num_experts = 2, .d_model = 64, .width = 256}, context);
  const Matrix in = random_rows(40, 64, 4);
  Matrix out(40, 64);
  const Index begin[] = {0, 10, 40};
  make({{"kind", "check"}})->run({bank, begin, in.view(), out.view()}, context);
  const std::unique_ptr<Executor> strict = make({{"kind", "check"}, {"tolerance", "0"}});
  try {
    strict->run({bank, begin, in.view(), out.view()}, context);
    FAIL() << "tiled and serial round differently, so a tolerance of 0 must fail";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::check_failed);
    EXPECT_NE(std::string(error.what()).find("executors tiled and serial differ by"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("of expert"), std::string::npos);
  }
}

TEST(MakeExecutor, ReportsUnknownKindsKeysAndTiles) {
  const auto message = [](const std::vector<std::pair<std::string, std::string>>& keys) {
    Binder binder;
    const Node node = section(keys);
    bind_places(binder, node, "executor");
    make_executor(binder, &node);
    return binder.diagnostics.render_all();
  };
  EXPECT_NE(message({{"kind", "tild"}}).find("unknown executor 'tild'; expected one of check, serial, tiled"),
            std::string::npos);
  EXPECT_NE(message({{"kind", "tild"}}).find("did you mean 'tiled'?"), std::string::npos);
  EXPECT_NE(message({{"kind", "tiled"}, {"tile_rows", "40"}}).find("got 40; expected a multiple of 32"),
            std::string::npos);
  EXPECT_NE(message({{"kind", "serial"}, {"tile_rows", "64"}}).find("unknown key"), std::string::npos);
  EXPECT_NE(message({{"kind", "check"}, {"first", "check"}}).find("unknown executor 'check'"),
            std::string::npos);
}

TEST(Combine, IdentityExpertsReturnTheInputTimesTheWeightSum) {
  const Context context({.threads = 2});
  const Index tokens = 70;
  const Matrix x = random_rows(tokens, 8, 11);
  DispatchPlan plan;  // every token to experts 0 and 1, weights 0.75 and 0.5
  plan.expert_begin = {0, tokens, 2 * tokens};
  plan.token_begin.push_back(0);
  plan.row_token.resize(static_cast<std::size_t>(2 * tokens));
  plan.row_weight.resize(static_cast<std::size_t>(2 * tokens));
  for (Index t = 0; t < tokens; ++t) {
    for (const Index row : {t, tokens + t}) {
      plan.assignment_row.push_back(row);
      plan.row_token[static_cast<std::size_t>(row)] = static_cast<std::int32_t>(t);
      plan.row_weight[static_cast<std::size_t>(row)] = row < tokens ? 0.75F : 0.5F;
    }
    plan.token_begin.push_back(2 * (t + 1));
  }
  Matrix rows(2 * tokens, 8);
  for (Index r = 0; r < 2 * tokens; ++r) {
    std::memcpy(rows.row(r).data(), x.row(r % tokens).data(), 8 * sizeof(float));
  }
  Matrix y(tokens, 8);
  combine(plan, rows.view(), {}, y.view(), context);
  for (Index t = 0; t < tokens; ++t) {
    for (std::size_t d = 0; d < 8; ++d) {
      EXPECT_FLOAT_EQ(y.row(t)[d], 1.25F * x.row(t)[d]);
    }
  }
}

TEST(Combine, DroppedAssignmentsLeaveTheSharedOutput) {
  const Context context({.threads = 1});
  DispatchPlan plan;
  plan.expert_begin = {0, 0};
  plan.token_begin = {0, 1};
  plan.assignment_row = {-1};
  Matrix shared(1, 4);
  shared.fill(3.0F);
  Matrix y(1, 4);
  combine(plan, MatrixView{nullptr, 0, 4}, shared.view(), y.view(), context);
  EXPECT_EQ(y.row(0)[2], 3.0F);
  combine(plan, MatrixView{nullptr, 0, 4}, {}, y.view(), context);
  EXPECT_EQ(y.row(0)[2], 0.0F);
}

// BASE layers: y = α·E(x) + (1 − α)·x, also where the expert's row was dropped.
TEST(Combine, AShareOfTheTokensOwnRowPassesThrough) {
  const Context context({.threads = 2});
  const Index tokens = 70;
  const Matrix x = random_rows(tokens, 8, 12);
  DispatchPlan plan = make_identity_plan(tokens);
  Matrix rows(tokens, 8);
  rows.fill(4.0F);
  Matrix y(tokens, 8);
  plan.row_weight.assign(static_cast<std::size_t>(tokens), 0.25F);
  combine(plan, rows.view(), {}, y.view(), context);
  add_pass_through(plan, x.view(), y.view(), context);
  EXPECT_EQ(y.row(69)[7], 1.0F);  // nothing passes
  plan.pass_through.assign(static_cast<std::size_t>(tokens), 0.75F);
  add_pass_through(plan, x.view(), y.view(), context);
  for (Index t = 0; t < tokens; ++t) {
    for (std::size_t d = 0; d < 8; ++d) {
      EXPECT_FLOAT_EQ(y.row(t)[d], 1.0F + 0.75F * x.row(t)[d]);
    }
  }
}

TEST(Combine, OneExpertWithWeightOneEqualsTheDenseLayerBitForBit) {
  const Context context({.threads = 2});
  const std::unique_ptr<Executor> executor = make({{"kind", "tiled"}});
  const ExpertBank bank = make_bank({.seed = 2, .num_experts = 1, .d_model = 32, .width = 80}, context);
  const Matrix x = random_rows(100, 32, 3);
  const DispatchPlan plan = make_identity_plan(100);
  Matrix rows(100, 32);
  Matrix y(100, 32);
  executor->run({bank, plan.expert_begin, x.view(), rows.view()}, context);
  combine(plan, rows.view(), {}, y.view(), context);
  EXPECT_TRUE(same_bits(y.view(), rows.view()));
}

}  // namespace
}  // namespace moesim
