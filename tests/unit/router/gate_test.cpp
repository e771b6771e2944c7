#include "router/gate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/random.h"

namespace moesim {
namespace {

Matrix random_matrix(Index rows, Index cols, std::uint64_t seed) {
  Matrix m(rows, cols);
  for (Index r = 0; r < rows; ++r) {
    fill_normal({.seed = seed, .stream = Stream::test}, static_cast<std::uint64_t>(r), 1.0F, m.row(r));
  }
  return m;
}

Matrix logits_of(const Gate& gate, MatrixView hidden, const ContextOptions& options = {}) {
  Matrix logits(hidden.rows, gate.weight.rows());
  gate_logits(gate, {hidden}, {logits.view(), {}}, Context(options));
  return logits;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

struct Size {
  Index experts;
  Index width;
};
constexpr Size kSizes[] = {{1, 1}, {1, 300}, {3, 17}, {8, 256}, {13, 100}, {64, 512}, {256, 33}, {100, 2048}};

TEST(Gate, EqualsDoubleLoops) {
  for (const Size size : kSizes) {
    const Gate gate = make_gate(3, 1, size.experts, size.width, {.logit = Logit::linear_bias});
    const Matrix hidden = random_matrix(70, size.width, 5);
    const Matrix logits = logits_of(gate, hidden.view());
    for (Index t = 0; t < hidden.rows(); ++t) {
      for (Index e = 0; e < size.experts; ++e) {
        double sum = gate.bias[static_cast<std::size_t>(e)];
        double magnitude = std::abs(sum);
        for (Index d = 0; d < size.width; ++d) {
          const auto i = static_cast<std::size_t>(d);
          sum += static_cast<double>(hidden.row(t)[i]) * gate.weight.row(e)[i];
          magnitude += std::abs(static_cast<double>(hidden.row(t)[i]) * gate.weight.row(e)[i]);
        }
        ASSERT_NEAR(logits.row(t)[static_cast<std::size_t>(e)], sum, 1e-6 * magnitude + 1e-30)
            << "token " << t << " expert " << e;
      }
    }
  }
}

TEST(Gate, ARowsBitsDoNotDependOnTheBatch) {
  for (const Size size : kSizes) {
    const Gate gate = make_gate(3, 0, size.experts, size.width, {.logit = Logit::linear_bias});
    const Matrix hidden = random_matrix(95, size.width, 6);
    const Matrix whole = logits_of(gate, hidden.view());
    for (Index count = 1; count <= 95; ++count) {
      const Matrix head = logits_of(gate, hidden.view().block(0, count));
      const Matrix tail = logits_of(gate, hidden.view().block(95 - count, count));
      for (Index t = 0; t < count; ++t) {
        ASSERT_TRUE(same_bits(head.row(t), whole.row(t))) << count << " rows, row " << t;
        ASSERT_TRUE(same_bits(tail.row(t), whole.row(95 - count + t))) << count << " last rows, row " << t;
      }
    }
  }
}

TEST(Gate, SameBitsForAnyNumberOfThreads) {
  const Gate gate = make_gate(3, 0, 16, 128, {});
  const Matrix hidden = random_matrix(333, 128, 6);
  const Matrix one = logits_of(gate, hidden.view());
  for (const int threads : {2, 7}) {
    const Matrix many = logits_of(gate, hidden.view(), {.threads = threads, .task_delay_seed = 9});
    EXPECT_EQ(std::memcmp(one.data(), many.data(), sizeof(float) * 333 * 16), 0);
  }
}

TEST(Gate, NoTokensMakeNoLogits) {
  const Gate gate = make_gate(3, 0, 4, 8, {});
  EXPECT_EQ(logits_of(gate, Matrix(0, 8).view()).rows(), 0);
}

TEST(Gate, RefusesShapesThatDoNotFit) {
  const Gate gate = make_gate(3, 0, 4, 8, {});
  EXPECT_THROW(logits_of(gate, Matrix(2, 7).view()), Error);
}

TEST(Gate, WeightsAreSeededWithVarianceOneOverWidth) {
  const Gate gate = make_gate(3, 0, 64, 256, {.logit = Logit::linear_bias});
  double squares = 0;
  for (Index e = 0; e < 64; ++e) {
    for (const float w : gate.weight.row(e)) {
      squares += static_cast<double>(w) * w;
    }
  }
  EXPECT_NEAR(squares / 64, 1.0, 0.05);
  double bias_squares = 0;
  for (const float b : gate.bias) {
    bias_squares += static_cast<double>(b) * b;
  }
  EXPECT_NEAR(std::sqrt(bias_squares / 64), 0.02, 0.006);
  EXPECT_EQ(gate.num_params(), 64u * 256u + 64u);
}

TEST(Gate, SeedAndLayerChooseTheWeightsAndTheBiasDoesNot) {
  const Gate gate = make_gate(3, 0, 4, 8, {});
  EXPECT_TRUE(gate.bias.empty());
  EXPECT_TRUE(
      same_bits(gate.weight.row(2), make_gate(3, 0, 4, 8, {.logit = Logit::linear_bias}).weight.row(2)));
  EXPECT_TRUE(same_bits(gate.weight.row(2), make_gate(3, 0, 9, 8, {}).weight.row(2)));
  EXPECT_FALSE(same_bits(gate.weight.row(2), make_gate(4, 0, 4, 8, {}).weight.row(2)));
  EXPECT_FALSE(same_bits(gate.weight.row(2), make_gate(3, 1, 4, 8, {}).weight.row(2)));
}

}  // namespace
}  // namespace moesim
