// What every kind of executor must do, and what its traits promise.

#include <gtest/gtest.h>

#include "core/error.h"
#include "support/executors.h"
#include "support/reference.h"

namespace moesim {
namespace {

constexpr Index kDepth = 72;

struct Rows {
  BankOptions options;
  std::vector<Index> begin;
  Matrix in;
};

// Experts with no row, one row, a hot one with most.
Rows uneven_rows(Index width) {
  Rows rows;
  rows.options = {.seed = 2, .num_experts = 4, .d_model = kDepth, .width = width};
  rows.begin = {0, 1, 1, 560, 600};
  rows.in = random_rows(600, kDepth, 3);
  return rows;
}

Matrix outputs(const Executor& executor, const ExpertBank& bank, std::span<const Index> begin, MatrixView in,
               const Context& context) {
  Matrix out(in.rows, in.cols);
  run_rows(executor, {.bank = bank, .expert_begin = begin, .in = {.from = in}, .out = out.view()}, context);
  return out;
}

template <class Body>
void for_each_built(const Body& body) {
  for (const ExecutorEntry& entry : executors().entries()) {
    if (entry.traits.built) {
      SCOPED_TRACE(entry.name);
      body(entry, *executor_of({{"kind", entry.name}}));
    }
  }
}

TEST(EveryExecutor, HasTheSameBitsForAnyNumberOfThreads) {
  const Rows rows = uneven_rows(100);
  for_each_built([&](const ExecutorEntry&, const Executor& executor) {
    const Context one({.threads = 1});
    const ExpertBank bank = make_bank(rows.options, executor, one);
    const Matrix first = outputs(executor, bank, rows.begin, rows.in.view(), one);
    for (const int threads : {2, 4, 7}) {
      const Context context({.threads = threads, .task_delay_seed = static_cast<std::uint64_t>(threads)});
      EXPECT_TRUE(
          same_bits(outputs(executor, bank, rows.begin, rows.in.view(), context).view(), first.view()))
          << threads;
    }
  });
}

TEST(EveryExecutor, IsRightWithOneScratchForManyShapesAndSplits) {
  const Context context({.threads = 3});
  for_each_built([&](const ExecutorEntry&, const Executor& executor) {
    const std::unique_ptr<ExecutorScratch> scratch = executor.make_scratch();
    for (const Index width : {100, 8, 100}) {
      const Rows rows = uneven_rows(width);
      const ExpertBank bank = make_bank(rows.options, executor, context);
      for (const std::vector<Index>& begin : {rows.begin, std::vector<Index>{0, 150, 300, 450, 600}}) {
        Matrix out(600, kDepth);
        const ExpertRows given{
            .bank = bank, .expert_begin = begin, .in = {.from = rows.in.view()}, .out = out.view()};
        executor.gather(given, *scratch, context);
        executor.run(given, *scratch, context);
        for (std::size_t e = 0; e < 4; ++e) {
          const FfnWeights weights = make_ffn_weights(rows.options, static_cast<Index>(e));
          for (Index r = begin[e]; r < begin[e + 1]; r += 37) {
            EXPECT_LE(
                reference::relative_distance(
                    out.row(r), reference::expert_row(weights, rows.options.activation, rows.in.row(r))),
                1e-5)
                << "width " << width << " row " << r;
          }
        }
      }
    }
  });
}

TEST(EveryExecutor, WithAnySplitKeepsTheBitsOfARow) {
  const Context context({.threads = 2});
  int kinds = 0;
  for_each_built([&](const ExecutorEntry& entry, const Executor& executor) {
    if (!entry.traits.any_split) {
      return;
    }
    ++kinds;
    const ExpertBank bank =
        make_bank({.seed = 2, .num_experts = 1, .d_model = kDepth, .width = 700}, executor, context);
    const Matrix in = random_rows(300, kDepth, 3);
    const Index all[] = {0, 300};
    const Matrix whole = outputs(executor, bank, all, in.view(), context);
    for (const Index count : {1, 2, 13, 64, 257, 299}) {
      for (const Index first : {Index{0}, 300 - count}) {
        const Index begin[] = {0, count};
        const Matrix part = outputs(executor, bank, begin, in.view().block(first, count), context);
        EXPECT_TRUE(same_bits(part.view(), whole.view().block(first, count)))
            << count << " rows from " << first;
      }
    }
  });
  EXPECT_GE(kinds, 1);
}

TEST(EveryExecutor, ThatWasNotBuiltSaysWhatToInstall) {
  const ExecutorEntry& entry = *executors().find("onednn");
  Binder binder;
  const Node node = scalar_section({{"kind", "onednn"}});
  const ExecutorChoice choice = make_executor(binder, &node);
  if (entry.traits.built) {
    ASSERT_NE(choice.executor, nullptr);
    EXPECT_EQ(choice.executor->layout().rfind("onednn/", 0), 0u);
    return;
  }
  EXPECT_EQ(choice.executor, nullptr);
  const std::string message = binder.diagnostics.render_all();
  EXPECT_NE(message.find("executor.kind"), std::string::npos) << message;
  EXPECT_NE(message.find("libdnnl-dev"), std::string::npos) << message;
}

// A part of `check` that cannot be made is a problem of the config, not a crash.
TEST(EveryExecutor, CanBeAPartOfCheck) {
  const Context context({.threads = 2});
  const Rows rows = uneven_rows(40);
  for (const ExecutorEntry& entry : executors().entries()) {
    if (entry.name == "check") {
      continue;
    }
    SCOPED_TRACE(entry.name);
    Binder binder;
    const Node node = scalar_section({{"kind", "check"}, {"second", entry.name}});
    const ExecutorChoice choice = make_executor(binder, &node);
    ASSERT_EQ(choice.executor != nullptr, entry.traits.built);
    ASSERT_EQ(binder.diagnostics.empty(), entry.traits.built);
    if (entry.traits.built) {
      const ExpertBank bank = make_bank(rows.options, *choice.executor, context);
      outputs(*choice.executor, bank, rows.begin, rows.in.view(), context);
    }
  }
}

}  // namespace
}  // namespace moesim
