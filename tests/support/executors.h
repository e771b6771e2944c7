#pragma once
// Executors and rows for tests.

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "experts/executor.h"

namespace moesim {

inline std::unique_ptr<Executor> executor_of(const std::vector<std::pair<std::string, std::string>>& keys) {
  Binder binder;
  const Node node = scalar_section(keys);
  ExecutorChoice choice = make_executor(binder, &node);
  EXPECT_TRUE(binder.diagnostics.empty()) << binder.diagnostics.render_all();
  return std::move(choice.executor);
}

inline Matrix random_rows(Index rows, Index cols, std::uint64_t seed) {
  Matrix matrix(rows, cols);
  for (Index r = 0; r < rows; ++r) {
    fill_normal({.seed = seed}, static_cast<std::uint64_t>(r), 1.0F, matrix.row(r));
  }
  return matrix;
}

inline bool same_bits(MatrixView a, MatrixView b) {
  return a.rows == b.rows && a.cols == b.cols &&
         (a.rows * a.cols == 0 ||
          std::memcmp(a.data, b.data, static_cast<std::size_t>(a.rows * a.cols) * sizeof(float)) == 0);
}

// Both parts of an executor, with a scratch of its own.
inline void run_rows(const Executor& executor, const ExpertRows& rows, const Context& context) {
  const std::unique_ptr<ExecutorScratch> scratch = executor.make_scratch();
  executor.gather(rows, *scratch, context);
  executor.run(rows, *scratch, context);
}

// A bank of these options and random_rows(…, 9) through it.
inline Matrix run_seeded(const Executor& executor, const BankOptions& options,
                         const std::vector<Index>& begin, const Context& context) {
  const ExpertBank bank = make_bank(options, executor, context);
  const Matrix in = random_rows(begin.back(), options.d_model, 9);
  Matrix out(in.rows(), in.cols());
  run_rows(executor, {.bank = bank, .expert_begin = begin, .in = {.from = in.view()}, .out = out.view()},
           context);
  return out;
}

}  // namespace moesim
