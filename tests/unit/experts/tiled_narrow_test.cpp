// The executor `tiled` with narrow activations.

#include "experts/tiled_narrow.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <set>

#include "core/error.h"
#include "experts/narrow.h"
#include "support/executors.h"
#include "support/reference.h"

namespace moesim {
namespace {

struct Case {
  Index d_model, width;
  std::vector<Index> begin;
  Activation activation;
  bool biases = false;
};

std::vector<Case> cases() {
  return {
      {16, 32, {0, 0}, Activation::swiglu},                // no rows at all
      {1, 1, {0, 2, 3}, Activation::swiglu},               // as small as it gets
      {33, 17, {0, 31, 64, 65, 130}, Activation::gelu},    // odd sizes, tiles begun
      {40, 600, {0, 64, 200}, Activation::relu},           // several panels
      {64, 96, {0, 1, 2, 66, 67, 300}, Activation::silu},  // uneven
      {130, 70, {0, 5, 5, 9}, Activation::geglu},          // an idle expert
      {2200, 65, {0, 50, 51}, Activation::swiglu},         // more than one block of the depth
      {20, 2500, {0, 3, 4, 60}, Activation::swiglu},       // of either product
      {1, 1, {0, 2, 3}, Activation::swiglu_oai, true},
      {130, 70, {0, 5, 5, 40}, Activation::swiglu_oai, true},
      {40, 600, {0, 64, 70}, Activation::relu, true},
      {33, 17, {0, 31, 64}, Activation::silu, true},
  };
}

BankOptions options_of(const Case& c) {
  return {.seed = 5,
          .num_experts = static_cast<Index>(c.begin.size()) - 1,
          .d_model = c.d_model,
          .width = c.width,
          .activation = c.activation,
          .biases = c.biases};
}

Matrix run_case(const Executor& executor, const Case& c, const Context& context) {
  return run_seeded(executor, options_of(c), c.begin, context);
}

constexpr WeightType kNarrow[] = {WeightType::int8, WeightType::bf16};

// With every kind of dot product that is here.
std::vector<std::unique_ptr<Executor>> executors_of(WeightType type) {
  std::vector<std::unique_ptr<Executor>> all;
  for (const DotSet* dots : usable_dots(type, InstructionSet::automatic)) {
    all.push_back(make_narrow_executor(type, *dots));
  }
  return all;
}

// The numbers that meet in a product, rounded as the header of the kernels says.
void round_row(WeightType type, std::span<float> row) {
  const float scale = int8_scale(row);
  for (float& v : row) {
    v = type == WeightType::int8 ? scale * to_int8(v, scale) : from_bf16(to_bf16(v));
  }
}

// Every factor rounded, everything else in double. int8: the scales of down are the hidden units' before
// those are rounded.
std::vector<double> rounded_expert_row(WeightType type, const FfnWeights& weights, const Case& c,
                                       std::span<const float> in) {
  const auto dot = [](std::span<const float> a, std::span<const float> b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      sum += static_cast<double>(a[i]) * b[i];
    }
    return sum;
  };
  const auto rounded = [type](std::span<const float> row) {
    std::vector<float> copy(row.begin(), row.end());
    round_row(type, copy);
    return copy;
  };
  const std::vector<float> x = rounded(in);
  std::vector<float> hidden;
  std::vector<float> scales;
  const auto bias = [](const std::vector<float>& biases, Index f) {
    return biases.empty() ? 0.0 : static_cast<double>(biases[static_cast<std::size_t>(f)]);
  };
  for (Index f = 0; f < c.width; ++f) {
    const double gate =
        is_gated(c.activation) ? dot(rounded(weights.gate_proj.row(f)), x) + bias(weights.gate_bias, f) : 0.0;
    const double up = dot(rounded(weights.up.row(f)), x) + bias(weights.up_bias, f);
    scales.push_back(type == WeightType::int8 ? int8_scale(weights.down.row(f)) : 1.0F);
    hidden.push_back(
        static_cast<float>(reference::activate(c.activation, gate, up) * static_cast<double>(scales.back())));
  }
  round_row(type, hidden);
  std::vector<double> out(in.size());
  std::copy(weights.output_bias.begin(), weights.output_bias.end(), out.begin());
  for (Index f = 0; f < c.width; ++f) {
    const auto i = static_cast<std::size_t>(f);
    const std::vector<float> down = rounded(weights.down.row(f));
    for (std::size_t d = 0; d < out.size(); ++d) {
      out[d] +=
          static_cast<double>(hidden[i]) / static_cast<double>(scales[i]) * static_cast<double>(down[d]);
    }
  }
  return out;
}

// A hidden unit beside the middle of two narrow numbers may be rounded to either: one step of one unit.
TEST(NarrowExecutor, MultipliesRoundedWeightsByRoundedRows) {
  const Context context({.threads = 3});
  for (const WeightType type : kNarrow) {
    for (const std::unique_ptr<Executor>& executor : executors_of(type)) {
      for (const Case& c : cases()) {
        const Matrix in = random_rows(c.begin.back(), c.d_model, 9);
        const Matrix out = run_case(*executor, c, context);
        for (std::size_t e = 0; e + 1 < c.begin.size(); ++e) {
          const FfnWeights weights = make_ffn_weights(options_of(c), static_cast<Index>(e));
          for (Index r = c.begin[e]; r < std::min(c.begin[e + 1], c.begin[e] + 20); ++r) {
            EXPECT_LE(
                reference::relative_distance(out.row(r), rounded_expert_row(type, weights, c, in.row(r))),
                5e-3)
                << executor->layout() << " expert " << e << " row " << r << " width " << c.width;
          }
        }
      }
    }
  }
}

// What the rounding costs, on rows of random numbers: over all of them, and on the worst.
TEST(NarrowExecutor, IsNearTheUnroundedReference) {
  const Context context({.threads = 2});
  const Case c{256, 512, {0, 90, 100}, Activation::swiglu};
  const Matrix in = random_rows(c.begin.back(), c.d_model, 9);
  const FfnWeights weights[] = {make_ffn_weights(options_of(c), 0), make_ffn_weights(options_of(c), 1)};
  for (const WeightType type : kNarrow) {
    const double most = type == WeightType::int8 ? 2.5e-2 : 5e-3;
    for (const std::unique_ptr<Executor>& executor : executors_of(type)) {
      const Matrix out = run_case(*executor, c, context);
      double squares = 0;
      for (Index r = 0; r < out.rows(); ++r) {
        const double distance = reference::relative_distance(
            out.row(r), reference::expert_row(weights[r < 90 ? 0 : 1], c.activation, in.row(r)));
        EXPECT_LE(distance, 2 * most) << executor->layout() << " row " << r;
        squares += distance * distance;
      }
      EXPECT_LE(std::sqrt(squares / static_cast<double>(out.rows())), most) << executor->layout();
    }
  }
}

TEST(NarrowExecutor, HasTheSameBitsForAnyNumberOfThreadsAndAnyProducts) {
  for (const WeightType type : kNarrow) {
    for (const Case& c : cases()) {
      const Matrix first =
          run_case(*make_narrow_executor(type, *usable_dots(type, InstructionSet::automatic).back()), c,
                   Context({.threads = 1}));
      for (const std::unique_ptr<Executor>& executor : executors_of(type)) {
        for (const int threads : {1, 2, 4, 7}) {
          const Context context({.threads = threads, .task_delay_seed = static_cast<std::uint64_t>(threads)});
          EXPECT_TRUE(same_bits(run_case(*executor, c, context).view(), first.view()))
              << executor->layout() << " width " << c.width << ", " << threads << " threads";
        }
      }
    }
  }
}

// One bank and 300 rows of it.
struct Rows {
  ExpertBank bank;
  Matrix in = random_rows(300, 72, 3);
  const Executor& executor;
  const Context& context;

  Rows(const Executor& e, const Context& c)
      : bank(make_bank({.seed = 2, .num_experts = 1, .d_model = 72, .width = 700}, e, c)),
        executor(e),
        context(c) {}
  Matrix run(Index first, Index count) const {
    Matrix out(count, in.cols());
    const Index begin[] = {0, count};
    run_rows(executor,
             {.bank = bank,
              .expert_begin = begin,
              .in = {.from = in.view().block(first, count)},
              .out = out.view()},
             context);
    return out;
  }
};

TEST(NarrowExecutor, ARowDoesNotDependOnItsNeighbours) {
  const Context context({.threads = 2});
  for (const WeightType type : kNarrow) {
    for (const std::unique_ptr<Executor>& executor : executors_of(type)) {
      const Rows rows(*executor, context);
      const Matrix whole = rows.run(0, 300);
      for (const Index count : {1, 2, 3, 5, 13, 14, 15, 31, 33, 64, 257, 299}) {
        for (const Index first : {Index{0}, 300 - count}) {
          EXPECT_TRUE(same_bits(rows.run(first, count).view(), whole.view().block(first, count)))
              << executor->layout() << ": " << count << " rows from " << first;
        }
      }
    }
  }
}

// Each of 40 tokens on three experts: narrowed once and placed, or row by row where weights are given.
TEST(NarrowExecutor, ATokenOfSeveralExpertsIsTheSameRowOnEach) {
  const Context context({.threads = 3});
  const Index begin[] = {0, 40, 80, 120};
  const Matrix tokens = random_rows(40, 72, 3);
  std::vector<std::int32_t> token(120);
  Matrix repeated(120, 72);
  for (Index r = 0; r < 120; ++r) {
    const Index t = r * 7 % 40;
    token[static_cast<std::size_t>(r)] = static_cast<std::int32_t>(t);
    std::copy_n(tokens.row(t).begin(), 72, repeated.row(r).begin());
  }
  const std::vector<float> ones(120, 1.0F);
  for (const WeightType type : kNarrow) {
    for (const std::unique_ptr<Executor>& executor : executors_of(type)) {
      const ExpertBank bank =
          make_bank({.seed = 2, .num_experts = 3, .d_model = 72, .width = 90}, *executor, context);
      const auto run = [&](const RowSource& in) {
        Matrix out(120, 72);
        run_rows(*executor, {.bank = bank, .expert_begin = begin, .in = in, .out = out.view()}, context);
        return out;
      };
      const Matrix expected = run({.from = repeated.view()});
      EXPECT_TRUE(same_bits(run({.from = tokens.view(), .token = token}).view(), expected.view()))
          << executor->layout();
      EXPECT_TRUE(
          same_bits(run({.from = tokens.view(), .token = token, .weight = ones}).view(), expected.view()))
          << executor->layout();
    }
  }
}

// Outputs of more than 4 MiB go past the caches, also where rows are not aligned to a cache line.
TEST(NarrowExecutor, ManyRowsAreAsFew) {
  const Context context({.threads = 3});
  for (const WeightType type : kNarrow) {
    for (const std::unique_ptr<Executor>& executor : executors_of(type)) {
      for (const Index d_model : {72, 128}) {
        const ExpertBank bank =
            make_bank({.seed = 2, .num_experts = 1, .d_model = d_model, .width = 16}, *executor, context);
        const Index count = (Index{4} << 20) / (d_model * Index{sizeof(float)}) + 50;
        const Matrix in = random_rows(count, d_model, 3);
        const auto run = [&](Index first, Index rows) {
          Matrix out(rows, d_model);
          const Index begin[] = {0, rows};
          run_rows(*executor,
                   {.bank = bank,
                    .expert_begin = begin,
                    .in = {.from = in.view().block(first, rows)},
                    .out = out.view()},
                   context);
          return out;
        };
        const Matrix all = run(0, count);
        for (const Index first : {Index{0}, count - 500}) {
          EXPECT_TRUE(same_bits(all.view().block(first, 500), run(first, 500).view()))
              << executor->layout() << " " << d_model;
        }
      }
    }
  }
}

TEST(NarrowExecutor, ARowThatIsNotFiniteSpoilsItselfAlone) {
  const Context context({.threads = 2});
  for (const WeightType type : kNarrow) {
    for (const std::unique_ptr<Executor>& executor : executors_of(type)) {
      Rows rows(*executor, context);
      const Matrix before = rows.run(0, 40);
      rows.in.row(3)[70] = std::nanf("");
      rows.in.row(4)[0] = -INFINITY;
      rows.in.row(5)[71] = -std::nanf("");
      std::fill(rows.in.row(6).begin(), rows.in.row(6).end(), 0.0F);
      const Matrix after = rows.run(0, 40);
      for (Index r = 0; r < 40; ++r) {
        for (std::size_t d = 0; d < 72; ++d) {
          if (r >= 3 && r <= 5) {
            EXPECT_FALSE(std::isfinite(after.row(r)[d])) << executor->layout() << " row " << r;
          } else {
            EXPECT_EQ(after.row(r)[d], r == 6 ? 0.0F : before.row(r)[d])
                << executor->layout() << " row " << r;
          }
        }
      }
    }
  }
}

TEST(NarrowExecutor, TakesAnyMagnitude) {
  const Context context({.threads = 1});
  for (const std::unique_ptr<Executor>& executor : executors_of(WeightType::int8)) {
    Rows rows(*executor, context);
    for (const float size : {1e-44F, 1e-38F, 1e-29F, 1e-10F, 1e10F, 1e18F}) {
      for (float& v : rows.in.row(0)) v = size;
      const Matrix out = rows.run(0, 1);
      for (const float v : out.row(0)) {
        EXPECT_TRUE(std::isfinite(v)) << executor->layout() << " " << size;
        EXPECT_TRUE(size > 1e-12F || v == 0.0F || std::abs(v) < size * size * 100) << v << " " << size;
      }
    }
  }
}

// Equal numbers everywhere make the largest sums there are: 140,000 times the largest magnitudes.
TEST(NarrowExecutor, SumsOverAnyDepthFit) {
  EXPECT_EQ(int8_levels(1), 127);
  EXPECT_EQ(int8_levels(133'144), 127);
  EXPECT_EQ(int8_levels(133'145), 126);
  EXPECT_EQ(int8_levels(16'909'320), 1);
  EXPECT_THROW(int8_levels(16'909'321), Error);
  const Index width = 140'032;
  const Context context({.threads = 2});
  for (const std::unique_ptr<Executor>& executor : executors_of(WeightType::int8)) {
    ExpertBank bank = make_bank(
        {.num_experts = 1, .d_model = 1, .width = width, .activation = Activation::relu}, *executor, context);
    Matrix ones(width, 1);
    ones.fill(1.0F);
    executor->pack(bank.ffn, {0, ones.view(), {}, ones.view()},
                   reinterpret_cast<std::byte*>(bank.weights.row(0).data()));
    Matrix out(2, 1);
    const Index begin[] = {0, 2};
    run_rows(
        *executor,
        {.bank = bank, .expert_begin = begin, .in = {.from = ones.view().block(0, 2)}, .out = out.view()},
        context);
    EXPECT_NEAR(static_cast<double>(out.row(1)[0]) / static_cast<double>(width), 1.0, 1e-6)
        << executor->layout();
  }
}

std::string problems_of(const std::vector<std::pair<std::string, std::string>>& keys) {
  Binder binder;
  const Node node = scalar_section(keys);
  bind_places(binder, node, "executor");
  make_executor(binder, &node);
  return binder.diagnostics.render_all();
}

// What the loop that measures dot products must have added up: nothing of it was optimised away. Sum i begins
// with i in its first lane, which for floats is as good as nothing, and meets row i/2.
TEST(Dots, AreAllInTheLoopThatMeasuresThem) {
  constexpr std::int64_t kIterations = 1000;
  for (const DotSet* dots : usable_dots(WeightType::int8, InstructionSet::automatic)) {
    std::int8_t seed[64];
    for (int i = 0; i < 64; ++i) {
      seed[i] = static_cast<std::int8_t>(i % 7 - 2);
    }
    std::int64_t expected = 0;
    for (int i = 0; i < 2 * dots->max_rows; ++i) {
      expected += i;
      for (int j = 0; j < 4; ++j) {
        expected += kIterations * static_cast<std::uint8_t>(seed[j]) * seed[i / 2 * 4 + j];
      }
    }
    EXPECT_EQ(dots->dot_loop(kIterations, seed), static_cast<float>(expected)) << dots->name;
  }
  for (const DotSet* dots : usable_dots(WeightType::bf16, InstructionSet::automatic)) {
    const auto number = [](int i) { return static_cast<float>(i % 3 + 1); };
    std::uint16_t seed[32];
    for (int i = 0; i < 32; ++i) {
      seed[i] = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(number(i)) >> 16);
    }
    float expected = 0;
    for (int i = 0; i < 2 * dots->max_rows; ++i) {
      for (int j = 0; j < 2; ++j) {
        expected += static_cast<float>(kIterations) * number(j) * number(i / 2 * 2 + j);
      }
    }
    EXPECT_EQ(dots->dot_loop(kIterations, seed), expected) << dots->name;
  }
}

TEST(NarrowExecutor, IsWhatTheConfigAsksFor) {
  const auto layout = [](const char* weights, const char* activations, const char* instructions) {
    return executor_of({{"weights", weights}, {"activations", activations}, {"instructions", instructions}})
        ->layout();
  };
  EXPECT_EQ(layout("int8", "float32", "portable"), "tiled/portable/int8");
  EXPECT_EQ(layout("int8", "int8", "portable"), "tiled/portable/int8/int8-plain");
  EXPECT_EQ(layout("bf16", "bf16", "portable"), "tiled/portable/bf16/bf16-plain");
  // Types without a dot product keep float32 activations; for the others this processor decides.
  EXPECT_EQ(layout("float32", "auto", "portable"), "tiled/portable/float32");
  EXPECT_EQ(layout("fp16", "auto", "portable"), "tiled/portable/fp16");
  const std::set<std::string> either = {"tiled/portable/int8", "tiled/portable/int8/int8-plain"};
  EXPECT_TRUE(either.contains(layout("int8", "auto", "portable")));
}

TEST(NarrowExecutor, SaysWhatFits) {
  const std::string types = problems_of({{"weights", "float32"}, {"activations", "int8"}});
  EXPECT_NE(types.find("executor.activations: int8 activations need int8 weights, and these are float32"),
            std::string::npos)
      << types;
  EXPECT_NE(types.find("write weights: int8"), std::string::npos) << types;
  EXPECT_NE(problems_of({{"weights", "int8"}, {"activations", "bf16"}}).find("write weights: bf16"),
            std::string::npos);
  EXPECT_NE(
      problems_of({{"weights", "fp16"}, {"activations", "fp16"}}).find("one of auto, bf16, float32, int8"),
      std::string::npos);
}

}  // namespace
}  // namespace moesim
