#include "experts/executor.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "experts/combine.h"
#include "experts/kernels/choose.h"
#include "experts/kernels/panels.h"
#include "experts/narrow.h"
#include "support/executors.h"
#include "support/reference.h"

namespace moesim {
namespace {

struct Case {
  Index d_model, width, experts;
  std::vector<Index> begin;
  Activation activation;
  bool biases = false;
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
      {37, 75, 3, {0, 5, 5, 130}, Activation::swiglu_oai, true},
      {40, 600, 2, {0, 64, 200}, Activation::relu, true},
      {33, 17, 4, {0, 31, 64, 65, 130}, Activation::gelu, true},
      {300, 150, 2, {0, 3, 70}, Activation::swiglu, true},
      {5, 3, 2, {0, 2, 3}, Activation::swiglu_oai, true},
  };
}

BankOptions options_of(const Case& c) {
  return {.seed = 5,
          .num_experts = c.experts,
          .d_model = c.d_model,
          .width = c.width,
          .activation = c.activation,
          .biases = c.biases};
}

Matrix run_case(const Executor& executor, const Case& c, const Context& context) {
  return run_seeded(executor, options_of(c), c.begin, context);
}

// Every kind, the tiled one with every instruction set that is here.
std::vector<std::unique_ptr<Executor>> float32_executors() {
  std::vector<std::unique_ptr<Executor>> all;
  for (const ExecutorEntry& entry : executors().entries()) {
    if (entry.traits.built && entry.name != "tiled" && entry.name != "check") {
      all.push_back(executor_of({{"kind", entry.name}}));
    }
  }
  for (const InstructionSet set : usable_instruction_sets()) {
    all.push_back(executor_of({{"kind", "tiled"}, {"instructions", std::string(enum_text(set))}}));
  }
  return all;
}

void expect_near_reference(const Executor& executor, const Case& c, double tolerance,
                           void (*narrow)(FfnWeights&) = nullptr) {
  const Context context({.threads = 3});
  const Matrix in = random_rows(c.begin.back(), c.d_model, 9);
  const Matrix out = run_case(executor, c, context);
  for (Index e = 0; e < c.experts; ++e) {
    FfnWeights weights = make_ffn_weights(options_of(c), e);
    if (narrow != nullptr) {
      narrow(weights);
    }
    for (Index r = c.begin[static_cast<std::size_t>(e)]; r < c.begin[static_cast<std::size_t>(e) + 1]; ++r) {
      EXPECT_LE(
          reference::relative_distance(out.row(r), reference::expert_row(weights, c.activation, in.row(r))),
          tolerance)
          << executor.layout() << " expert " << e << " row " << r << " width " << c.width;
    }
  }
}

TEST(Executor, EveryKindAgreesWithTheDoublePrecisionReference) {
  for (const std::unique_ptr<Executor>& executor : float32_executors()) {
    for (const Case& c : cases()) {
      expect_near_reference(*executor, c, 1e-5);
    }
  }
}

template <class Narrow>
void for_each_row(FfnWeights& weights, const Narrow& narrow) {
  for (Matrix* matrix : {&weights.up, &weights.gate_proj, &weights.down}) {
    for (Index r = 0; r < matrix->rows(); ++r) {
      narrow(matrix->row(r));
    }
  }
}

// Narrow weights change the weights, not the arithmetic: against a reference with rounded weights they are as
// exact as float32.
TEST(TiledExecutor, NarrowWeightsAreTheRoundedOnes) {
  const auto bf16 = [](FfnWeights& weights) {
    for_each_row(weights, [](std::span<float> row) {
      for (float& v : row) {
        v = from_bf16(to_bf16(v));
      }
    });
  };
  const auto fp16 = [](FfnWeights& weights) {
    for_each_row(weights, [](std::span<float> row) {
      for (float& v : row) {
        v = from_fp16(to_fp16(v));
      }
    });
  };
  const auto int8 = [](FfnWeights& weights) {
    for_each_row(weights, [](std::span<float> row) {
      const float scale = int8_scale(row);
      for (float& v : row) {
        v = scale * to_int8(v, scale);
      }
    });
  };
  struct Type {
    const char* name;
    void (*narrow)(FfnWeights&);
    double error;  // against the float32 weights
  };
  for (const Type& type : {Type{"bf16", bf16, 2e-2}, Type{"fp16", fp16, 2e-3}, Type{"int8", int8, 5e-2}}) {
    for (const InstructionSet set : usable_instruction_sets()) {
      const std::unique_ptr<Executor> executor =
          executor_of({{"weights", type.name}, {"instructions", std::string(enum_text(set))}});
      for (const Case& c : cases()) {
        expect_near_reference(*executor, c, 1e-5, type.narrow);
        expect_near_reference(*executor, c, type.error);
      }
    }
  }
}

TEST(TiledExecutor, HasTheSameBitsForAnyNumberOfThreads) {
  for (const InstructionSet set : usable_instruction_sets()) {
    for (const char* type : {"float32", "bf16", "fp16", "int8"}) {
      const std::unique_ptr<Executor> executor =
          executor_of({{"weights", type}, {"instructions", std::string(enum_text(set))}});
      for (const Case& c : cases()) {
        const Matrix first = run_case(*executor, c, Context({.threads = 1}));
        for (const int threads : {2, 4, 7}) {
          const Context context({.threads = threads, .task_delay_seed = static_cast<std::uint64_t>(threads)});
          EXPECT_TRUE(same_bits(run_case(*executor, c, context).view(), first.view())) << executor->layout();
        }
      }
    }
  }
}

// The sets with a fused multiply-add do the same operations in the same order.
TEST(TiledExecutor, HasTheSameBitsOnAvx2AndAvx512) {
  if (find_kernels(InstructionSet::avx512) == nullptr) {
    GTEST_SKIP() << "this processor has no AVX-512";
  }
  for (const char* type : {"float32", "bf16", "fp16", "int8"}) {
    for (const Case& c : cases()) {
      const Context context({.threads = 2});
      const Matrix wide = run_case(*executor_of({{"weights", type}, {"instructions", "avx512"}}), c, context);
      const Matrix narrow = run_case(*executor_of({{"weights", type}, {"instructions", "avx2"}}), c, context);
      EXPECT_TRUE(same_bits(wide.view(), narrow.view())) << type << " width " << c.width;
    }
  }
}

TEST(TiledExecutor, ARowDoesNotDependOnItsNeighbours) {
  const Context context({.threads = 2});
  for (const InstructionSet set : usable_instruction_sets()) {
    for (const char* type : {"float32", "bf16", "int8"}) {
      const std::unique_ptr<Executor> executor =
          executor_of({{"weights", type}, {"instructions", std::string(enum_text(set))}});
      for (const Index width : {48, 512, 700}) {
        const ExpertBank bank =
            make_bank({.seed = 2, .num_experts = 1, .d_model = 72, .width = width}, *executor, context);
        const Matrix in = random_rows(300, 72, 3);
        Matrix whole(300, 72);
        const Index all[] = {0, 300};
        run_rows(*executor,
                 {.bank = bank, .expert_begin = all, .in = {.from = in.view()}, .out = whole.view()},
                 context);
        for (const Index count : {1, 2, 3, 5, 13, 14, 15, 31, 64, 257, 299}) {
          for (const Index first : {Index{0}, 300 - count}) {
            Matrix part(count, 72);
            const Index begin[] = {0, count};
            run_rows(*executor,
                     {.bank = bank,
                      .expert_begin = begin,
                      .in = {.from = in.view().block(first, count)},
                      .out = part.view()},
                     context);
            EXPECT_TRUE(same_bits(part.view(), whole.view().block(first, count)))
                << executor->layout() << ": " << count << " rows from " << first;
          }
        }
      }
    }
  }
}

// Rows that are too many for the caches are stored past them, where their places are aligned.
TEST(TiledExecutor, ManyRowsHaveTheBitsOfFew) {
  const Context context({.threads = 2});
  for (const InstructionSet set : usable_instruction_sets()) {
    const std::unique_ptr<Executor> executor = executor_of({{"instructions", std::string(enum_text(set))}});
    for (const Index d_model : {1024, 1030}) {
      constexpr Index kRows = 1100;
      static_assert(kRows * 1024 * sizeof(float) > (4U << 20));
      const ExpertBank bank =
          make_bank({.seed = 4, .num_experts = 1, .d_model = d_model, .width = 16}, *executor, context);
      const Matrix in = random_rows(kRows, d_model, 5);
      Matrix whole(kRows, d_model);
      const Index all[] = {0, kRows};
      run_rows(*executor, {.bank = bank, .expert_begin = all, .in = {.from = in.view()}, .out = whole.view()},
               context);
      for (Index first = 0; first < kRows; first += 100) {
        Matrix part(100, d_model);
        const Index few[] = {0, 100};
        run_rows(*executor,
                 {.bank = bank,
                  .expert_begin = few,
                  .in = {.from = in.view().block(first, 100)},
                  .out = part.view()},
                 context);
        EXPECT_TRUE(same_bits(part.view(), whole.view().block(first, 100)))
            << executor->layout() << " D=" << d_model << " from " << first;
      }
    }
  }
}

TEST(Executor, TakesRowsByTokenAndWeighsThemOnEitherSide) {
  const Context context({.threads = 2});
  const Matrix x = random_rows(5, 24, 3);
  const std::vector<std::int32_t> token = {4, 0, 0, 3, 2, 4, 1};
  const std::vector<float> weight = {0.5F, 2.0F, -1.0F, 0.0F, 3.0F, 0.25F, 1.0F};
  const Index begin[] = {0, 3, 5, 6, 7};  // the last two: copy, zero
  for (const std::unique_ptr<Executor>& executor : float32_executors()) {
    const BankOptions options{
        .num_experts = 2, .d_model = 24, .width = 40, .copy_experts = 1, .zero_experts = 1};
    const ExpertBank bank = make_bank(options, *executor, context);
    Matrix out(7, 24);
    for (const bool on_input : {true, false}) {
      ExpertRows rows{
          .bank = bank, .expert_begin = begin, .in = {.from = x.view(), .token = token}, .out = out.view()};
      (on_input ? rows.in.weight : rows.out_weight) = weight;
      out.fill(77.0F);
      run_rows(*executor, rows, context);
      for (Index r = 0; r < 7; ++r) {
        const auto i = static_cast<std::size_t>(r);
        std::vector<float> from(x.row(token[i]).begin(), x.row(token[i]).end());
        for (float& v : from) v *= on_input ? weight[i] : 1.0F;
        std::vector<double> expected(from.begin(), from.end());
        if (r < 5) {
          expected =
              reference::expert_row(make_ffn_weights(options, r < 3 ? 0 : 1), options.activation, from);
        } else if (r == 6) {
          expected.assign(24, 0.0);
        }
        for (double& v : expected) v *= on_input ? 1.0 : static_cast<double>(weight[i]);
        EXPECT_LE(reference::relative_distance(out.row(r), expected), 1e-5)
            << executor->layout() << " row " << r;
      }
    }
  }
}

TEST(Executor, RefusesABankInAnotherLayoutAndRowsThatWereNotGathered) {
  const Context context({.threads = 1});
  const std::unique_ptr<Executor> tiled = executor_of({});
  const std::unique_ptr<Executor> serial = executor_of({{"kind", "serial"}});
  const ExpertBank bank = make_bank({.num_experts = 1, .d_model = 8, .width = 8}, *serial, context);
  const Matrix in = random_rows(3, 8, 1);
  Matrix out(3, 8);
  const Index begin[] = {0, 3};
  EXPECT_THROW(
      run_rows(*tiled, {.bank = bank, .expert_begin = begin, .in = {.from = in.view()}, .out = out.view()},
               context),
      Error);
  const ExpertBank packed = make_bank({.num_experts = 1, .d_model = 8, .width = 8}, *tiled, context);
  const std::unique_ptr<ExecutorScratch> scratch = tiled->make_scratch();
  EXPECT_THROW(
      tiled->run({.bank = packed, .expert_begin = begin, .in = {.from = in.view()}, .out = out.view()},
                 *scratch, context),
      Error);
}

TEST(Executor, KindsWithoutAProductAreFilledIn) {
  const Context context({.threads = 2});
  const std::unique_ptr<Executor> executor = executor_of({{"kind", "tiled"}});
  const BankOptions options{.seed = 1,
                            .num_experts = 1,
                            .d_model = 8,
                            .width = 16,
                            .constant_experts = 2,
                            .copy_experts = 1,
                            .zero_experts = 1};
  ExpertBank bank = make_bank(options, *executor, context);
  // Equal logits: half the input, half the vector. A large first logit: the input alone.
  bank.constant.fill(2.5F);
  bank.constant_gate.fill(0.0F);
  bank.constant_gate.row(2)[0] = 1e30F;
  Matrix in = random_rows(10, 8, 4);
  in.row(5)[0] = 1.0F;
  Matrix out(10, 8);
  const Index begin[] = {0, 2, 4, 6, 8, 10};
  run_rows(*executor, {.bank = bank, .expert_begin = begin, .in = {.from = in.view()}, .out = out.view()},
           context);
  EXPECT_LE(reference::relative_distance(out.row(1), reference::expert_row(make_ffn_weights(options, 0),
                                                                           options.activation, in.row(1))),
            1e-5);
  for (std::size_t d = 0; d < 8; ++d) {
    EXPECT_FLOAT_EQ(out.row(3)[d], 0.5F * in.row(3)[d] + 1.25F);
    EXPECT_EQ(out.row(9)[d], 0.0F);
  }
  EXPECT_TRUE(same_bits(out.view().block(5, 1), in.view().block(5, 1)));
  EXPECT_TRUE(same_bits(out.view().block(6, 2), in.view().block(6, 2)));
}

TEST(CheckExecutor, PassesEqualExecutorsAndNamesTheRowOfAnUnequalOne) {
  const Context context({.threads = 2});
  const Matrix in = random_rows(40, 64, 4);
  Matrix out(40, 64);
  const Index begin[] = {0, 10, 40};
  const auto run = [&](const std::vector<std::pair<std::string, std::string>>& keys) {
    const std::unique_ptr<Executor> executor = executor_of(keys);
    const ExpertBank bank =
        make_bank({.seed = 1, .num_experts = 2, .d_model = 64, .width = 256}, *executor, context);
    run_rows(*executor, {.bank = bank, .expert_begin = begin, .in = {.from = in.view()}, .out = out.view()},
             context);
  };
  run({{"kind", "check"}});
  // One hidden unit from sums that nearly cancel: rounding is large only beside what is left of them.
  const std::unique_ptr<Executor> check = executor_of({{"kind", "check"}});
  for (const Index width : {1, 2, 17}) {
    const ExpertBank narrow =
        make_bank({.seed = 1, .num_experts = 2, .d_model = 64, .width = width}, *check, context);
    EXPECT_NO_THROW(run_rows(
        *check, {.bank = narrow, .expert_begin = begin, .in = {.from = in.view()}, .out = out.view()},
        context));
  }
  try {
    run({{"kind", "check"}, {"tolerance", "0"}});
    FAIL() << "tiled and serial round differently, so a tolerance of 0 must fail";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::check_failed);
    EXPECT_NE(std::string(error.what()).find("executors tiled and serial differ by"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("of expert"), std::string::npos);
  }
}

TEST(MakeExecutor, ReportsUnknownKindsKeysAndTypes) {
  const auto message = [](const std::vector<std::pair<std::string, std::string>>& keys) {
    Binder binder;
    const Node node = scalar_section(keys);
    bind_places(binder, node, "executor");
    make_executor(binder, &node);
    return binder.diagnostics.render_all();
  };
  EXPECT_NE(message({{"kind", "tild"}})
                .find("unknown executor 'tild'; expected one of check, onednn, serial, tiled"),
            std::string::npos);
  EXPECT_NE(message({{"kind", "tild"}}).find("did you mean 'tiled'?"), std::string::npos);
  EXPECT_NE(message({{"weights", "fp8"}}).find("bf16, float32, fp16, int8"), std::string::npos);
  EXPECT_NE(message({{"kind", "serial"}, {"weights", "bf16"}}).find("unknown key"), std::string::npos);
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
  Matrix rows(2 * tokens, 8);  // as executors leave them: weighed
  for (Index r = 0; r < 2 * tokens; ++r) {
    for (std::size_t d = 0; d < 8; ++d) {
      rows.row(r)[d] = plan.row_weight[static_cast<std::size_t>(r)] * x.row(r % tokens)[d];
    }
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
  rows.fill(1.0F);
  Matrix y(tokens, 8);
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
  const std::unique_ptr<Executor> executor = executor_of({});
  const ExpertBank bank =
      make_bank({.seed = 2, .num_experts = 1, .d_model = 32, .width = 80}, *executor, context);
  const Matrix x = random_rows(100, 32, 3);
  const DispatchPlan plan = make_identity_plan(100);
  Matrix rows(100, 32);
  Matrix weighed(100, 32);
  Matrix y(100, 32);
  run_rows(*executor,
           {.bank = bank, .expert_begin = plan.expert_begin, .in = {.from = x.view()}, .out = rows.view()},
           context);
  run_rows(*executor,
           {.bank = bank,
            .expert_begin = plan.expert_begin,
            .in = {.from = x.view(), .token = plan.row_token},
            .out_weight = plan.row_weight,
            .out = weighed.view()},
           context);
  combine(plan, weighed.view(), {}, y.view(), context);
  EXPECT_TRUE(same_bits(y.view(), rows.view()));
}

}  // namespace
}  // namespace moesim
