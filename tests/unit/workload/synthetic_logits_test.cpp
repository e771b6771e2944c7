#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/random.h"
#include "unit/workload/making.h"
#include "workload/kernels/choose.h"
#include "workload/variants.h"

namespace moesim {
namespace {

std::unique_ptr<Workload> make(double zipf, Index experts, std::uint64_t seed = 1) {
  Binder binder;
  Node section;
  section.kind = Node::Kind::map;
  const auto add = [&section](const char* key, const std::string& text) {
    Node::Entry& entry = section.entries.emplace_back();
    entry.key = key;
    entry.value.kind = Node::Kind::scalar;
    entry.value.text = text;
  };
  add("kind", "synthetic_logits");
  add("zipf", std::to_string(zipf));
  const ConfigSource source;
  auto workload = workload_synthetic_logits().make(
      binder, section, {.source = source, .seed = seed, .d_model = 8, .num_experts = experts});
  EXPECT_TRUE(binder.diagnostics.empty());
  return workload;
}

TEST(SyntheticLogits, AreTheSameHoweverTheStreamIsCut) {
  const auto workload = make(1.0, 70);
  const Context one({.threads = 1});
  const Context three({.threads = 3});
  const TokenBatch whole = workload->slice(one, 0, 1000);
  TokenBatch part;
  for (const std::uint64_t first : {0U, 1U, 255U, 256U, 300U, 511U, 999U}) {
    const Index count = std::min<Index>(290, 1000 - static_cast<Index>(first));
    workload->slice_into(three, first, count, part);
    ASSERT_EQ(part.num_tokens(), count);
    for (Index t = 0; t < count; ++t) {
      ASSERT_EQ(part.position[static_cast<std::size_t>(t)], first + static_cast<std::uint64_t>(t));
      ASSERT_TRUE(std::ranges::equal(part.logits.row(t), whole.logits.row(static_cast<Index>(first) + t)))
          << first << " " << t;
    }
  }
  EXPECT_EQ(workload->slice(one, 5, 0).num_tokens(), 0);
}

TEST(SyntheticLogits, FollowTheSeed) {
  const Context context({.threads = 1});
  EXPECT_NE(make(1.0, 8, 1)->slice(context, 0, 1).logits.row(0)[0],
            make(1.0, 8, 2)->slice(context, 0, 1).logits.row(0)[0]);
}

// The highest logit is expert e's with probability p_e, and given the first, the second's with p_e / (1 −
// p_first).
TEST(SyntheticLogits, TheBestTwoAreDrawnByPopularityWithoutReplacement) {
  constexpr Index kTokens = 200000;
  constexpr std::size_t kExperts = 6;
  const Context context({.threads = 2});
  const TokenBatch batch = make(0.8, kExperts)->slice(context, 12345, kTokens);
  std::vector<double> chance(kExperts);
  double sum = 0;
  for (std::size_t e = 0; e < kExperts; ++e) {
    chance[e] = std::pow(static_cast<double>(e + 1), -0.8);
    sum += chance[e];
  }
  std::vector<std::vector<double>> seen(kExperts, std::vector<double>(kExperts));
  for (Index t = 0; t < kTokens; ++t) {
    const std::span<const float> row = batch.logits.row(t);
    const auto first = static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin());
    std::size_t second = first == 0 ? 1 : 0;
    for (std::size_t e = 0; e < kExperts; ++e) {
      second = e != first && row[e] > row[second] ? e : second;
    }
    ++seen[first][second];
  }
  double chi_squared = 0;
  for (std::size_t a = 0; a < kExperts; ++a) {
    for (std::size_t b = 0; b < kExperts; ++b) {
      if (a != b) {
        const double expected =
            static_cast<double>(kTokens) * chance[a] / sum * chance[b] / (sum - chance[a]);
        chi_squared += (seen[a][b] - expected) * (seen[a][b] - expected) / expected;
      }
    }
  }
  EXPECT_LT(chi_squared, 58.3);  // 29 degrees of freedom: above with chance 0.001
  EXPECT_GT(chi_squared, 9.0);   // below with chance 0.0001: closer would not be random
}

// Mean γ, variance π²/6 of the Gumbel distribution; no correlation between neighbours either way.
TEST(SyntheticLogits, NoiseHasTheMomentsOfGumbel) {
  constexpr Index kTokens = 20000;
  const Context context({.threads = 1});
  const TokenBatch batch = make(0.0, 64)->slice(context, 0, kTokens);
  double sum = 0;
  double squares = 0;
  double beside = 0;
  double below = 0;
  constexpr double kMean = 0.57721566;
  for (Index t = 1; t < kTokens; ++t) {
    for (std::size_t e = 1; e < 64; ++e) {
      const double z = batch.logits.row(t)[e] - kMean;
      sum += z;
      squares += z * z;
      beside += z * (batch.logits.row(t)[e - 1] - kMean);
      below += z * (batch.logits.row(t - 1)[e] - kMean);
    }
  }
  const double count = static_cast<double>(kTokens - 1) * 63;
  const double variance = std::acos(-1.0) * std::acos(-1.0) / 6;
  EXPECT_NEAR(sum / count, 0.0, 4 * std::sqrt(variance / count));
  EXPECT_NEAR(squares / count, variance, 4 * std::sqrt(4.4 * variance * variance / count));  // kurtosis 5.4
  EXPECT_NEAR(beside / count, 0.0, 4 * variance / std::sqrt(count));
  EXPECT_NEAR(below / count, 0.0, 4 * variance / std::sqrt(count));
}

// Every instruction set draws the same, and what the definition says: of u, the highest 23 bits of a sum of
// two words of each generator, −ln(−log2 u) in double.
TEST(NoiseKernels, DrawWhatIsDefinedInEverySet) {
  for (const std::int64_t experts : {1, 15, 16, 17, 64, 70}) {
    constexpr std::int64_t kRows = 300;
    constexpr std::size_t kGenerators = NoiseState::kGenerators;
    NoiseState begin;
    RandomSequence draw({.seed = 8, .stream = Stream::synthetic_logits}, 1);
    for (auto& words : begin.word) {
      for (std::uint32_t& word : words) {
        word = draw.next_below(0xffffffffU);
      }
    }
    const auto columns = static_cast<std::size_t>(experts);
    std::vector<float> popularity((columns + kGenerators - 1) / kGenerators * kGenerators);
    for (std::size_t e = 0; e < columns; ++e) {
      popularity[e] = 0.01F * static_cast<float>(e);
    }
    std::vector<float> right;
    for (const NoiseKernels* kernels : usable_noise_kernels()) {
      NoiseState state = begin;
      std::vector<float> rows(static_cast<std::size_t>(kRows) * columns + 1, 77.0F);
      kernels->draw(state, popularity.data(), experts, 2, kRows, rows.data());
      EXPECT_EQ(rows.back(), 77.0F) << kernels->name;
      right = right.empty() ? rows : right;
      ASSERT_EQ(rows, right) << kernels->name << " differs for " << experts;
    }
    auto& w = begin.word;
    const std::size_t rounds = popularity.size() / kGenerators;
    for (std::size_t row = 0; row < static_cast<std::size_t>(kRows) + 2; ++row) {
      for (std::size_t e = 0; e < rounds * kGenerators; ++e) {
        const std::size_t g = e % kGenerators;
        const double u = (static_cast<double>((w[0][g] + w[3][g]) >> 9) + 0.5) / 8388608.0;
        if (row >= 2 && e < columns) {
          ASSERT_NEAR(right[(row - 2) * columns + e],
                      static_cast<double>(popularity[e]) - std::log(-std::log2(u)), 2e-4)
              << u;
        }
        const std::uint32_t shifted = w[1][g] << 9;
        w[2][g] ^= w[0][g];
        w[3][g] ^= w[1][g];
        w[1][g] ^= w[2][g];
        w[0][g] ^= w[3][g];
        w[2][g] ^= shifted;
        w[3][g] = std::rotl(w[3][g], 11);
      }
    }
  }
}

}  // namespace
}  // namespace moesim
