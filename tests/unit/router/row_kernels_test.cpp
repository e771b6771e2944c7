// The loops over one token's numbers: every instruction set against plain searches and the formulas in
// double.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "core/random.h"
#include "router/kernels/choose.h"

namespace moesim {
namespace {

using Ids = std::vector<std::int32_t>;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Choice {
  Ids chosen;
  bool tied = false;
};

// By sorting all.
Choice plain_top_k(const std::vector<float>& values, std::size_t k) {
  Ids order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return values[static_cast<std::size_t>(a)] > values[static_cast<std::size_t>(b)];
  });
  const auto value = [&](std::size_t i) { return values[static_cast<std::size_t>(order[i])]; };
  return {Ids(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k)),
          k < values.size() && value(k) == value(k - 1)};
}

// A random row: of any length, of numbers that are all different, few, signed, excluded, or nearly all equal.
std::vector<float> random_row(RandomSequence& draw) {
  const std::uint32_t most = draw.next_below(4) == 0 ? 300 : 40;
  std::vector<float> row(1 + draw.next_below(most));
  const std::uint32_t kind = draw.next_below(6);
  for (float& value : row) {
    const auto uniform = static_cast<float>(draw.next_uniform() - 0.5);
    value = kind == 0   ? static_cast<float>(draw.next_below(3))
            : kind == 1 ? static_cast<float>(draw.next_below(20)) * 0.25F - 2.0F
            : kind == 2 ? (draw.next_below(2) == 0 ? -kInfinity : uniform)
            : kind == 3 ? (draw.next_below(8) == 0 ? uniform : 0.5F)
            : kind == 4 ? (draw.next_below(2) == 0 ? -0.0F : 0.0F)
                        : uniform * 1e3F;
  }
  return row;
}

TEST(RowKernels, TopKIsThatOfASortInEverySet) {
  constexpr int kCases = 20000;
  for (const RowKernels* kernels : usable_row_kernels()) {
    int decided = 0;
    for (int c = 0; c < kCases; ++c) {
      RandomSequence draw({.seed = 7}, static_cast<std::uint64_t>(c));
      const std::vector<float> row = random_row(draw);
      const std::size_t k = 1 + draw.next_below(static_cast<std::uint32_t>(row.size()));
      const Choice expected = plain_top_k(row, k);
      Ids chosen(k, -1);
      const TopK found = kernels->top_k(row.data(), static_cast<std::int64_t>(row.size()),
                                        static_cast<std::int64_t>(k), chosen.data());
      if (found == TopK::undecided) {
        ASSERT_EQ(chosen, Ids(k, -1)) << kernels->name << ", case " << c;
        continue;
      }
      ++decided;
      ASSERT_EQ(chosen, expected.chosen) << kernels->name << ", case " << c;
      ASSERT_EQ(found == TopK::tied, expected.tied) << kernels->name << ", case " << c;
    }
    EXPECT_GT(decided, kCases / 2)
        << kernels->name;  // the rest are ties by the hundred, or more than 32 chosen
  }
}

TEST(RowKernels, TopKDecidesTheUsualCases) {
  for (const RowKernels* kernels : usable_row_kernels()) {
    for (const std::int64_t experts : {8, 60, 64, 128, 256, 384}) {
      for (const std::int64_t k : {1, 2, 4, 6, 8}) {
        int decided = 0;
        for (std::uint64_t token = 0; token < 200; ++token) {
          std::vector<float> row(static_cast<std::size_t>(experts));
          fill_normal({.seed = 3}, token, 1.0F, row);
          Ids chosen(static_cast<std::size_t>(k));
          decided += kernels->top_k(row.data(), experts, k, chosen.data()) == TopK::clear ? 1 : 0;
        }
        EXPECT_EQ(decided, 200) << kernels->name << ", " << k << " of " << experts;
      }
    }
  }
}

double ulp(double value) {
  const auto narrow = static_cast<float>(value);
  return std::nextafter(narrow, kInfinity) - static_cast<double>(narrow);
}

// Relative to the spacing of floats at the right result; what is below 1e-37 may be 0.
TEST(RowKernels, ScoresAreWithinThreeUnitsInTheLastPlace) {
  double worst = 0;
  for (const RowKernels* kernels : usable_row_kernels()) {
    for (std::uint64_t c = 0; c < 3000; ++c) {
      RandomSequence draw({.seed = 11}, c);
      std::vector<float> row(1 + draw.next_below(300));
      const double spread = std::pow(10.0, 3.0 * draw.next_uniform() - 1.5);
      fill_normal({.seed = 12}, c, static_cast<float>(spread), row);
      const float top = *std::max_element(row.begin(), row.end());
      const auto power = [top](float z) {
        return std::exp(static_cast<double>(z - top));
      };  // rounded difference
      double sum = 0;
      for (const float z : row) {
        sum += power(z);
      }
      std::vector<float> soft(row.size());
      std::vector<float> sigmoid(row.size());
      kernels->softmax(row.data(), static_cast<std::int64_t>(row.size()), soft.data());
      kernels->sigmoid(row.data(), static_cast<std::int64_t>(row.size()), sigmoid.data());
      for (std::size_t e = 0; e < row.size(); ++e) {
        const double exact_soft = power(row[e]) / sum;
        const double exact_sigmoid = 1.0 / (1.0 + std::exp(-static_cast<double>(row[e])));
        for (const auto& [got, exact] :
             {std::pair(soft[e], exact_soft), std::pair(sigmoid[e], exact_sigmoid)}) {
          if (exact > 1e-37) {
            worst = std::max(worst, std::abs(got - exact) / ulp(exact));
          } else {
            ASSERT_LE(got, 1.1e-37F);
          }
        }
      }
    }
  }
  EXPECT_LT(worst, 3.0);
  EXPECT_GT(worst, 0.5);  // it measures something
}

TEST(RowKernels, EverySetGivesTheSameBits) {
  const std::vector<const RowKernels*> sets = usable_row_kernels();
  for (std::uint64_t c = 0; c < 4000; ++c) {
    RandomSequence draw({.seed = 21}, c);
    std::vector<float> row(1 + draw.next_below(200));
    fill_normal({.seed = 22}, c, draw.next_below(4) == 0 ? 60.0F : 2.0F, row);
    const auto size = static_cast<std::int64_t>(row.size());
    std::vector<float> first_soft(row.size());
    std::vector<float> first_sigmoid(row.size());
    sets.back()->softmax(row.data(), size, first_soft.data());
    sets.back()->sigmoid(row.data(), size, first_sigmoid.data());
    for (const RowKernels* kernels : sets) {
      std::vector<float> scores = row;  // in place
      kernels->softmax(scores.data(), size, scores.data());
      ASSERT_EQ(std::memcmp(scores.data(), first_soft.data(), row.size() * sizeof(float)), 0)
          << kernels->name;
      scores = row;
      kernels->sigmoid(scores.data(), size, scores.data());
      ASSERT_EQ(std::memcmp(scores.data(), first_sigmoid.data(), row.size() * sizeof(float)), 0)
          << kernels->name;
    }
  }
}

// Neighbouring floats around every place where the exponential changes its table entry.
TEST(RowKernels, SoftmaxNeverGivesALargerLogitLess) {
  const RowKernels& kernels = row_kernels();
  for (int n = 0; n < 1010; ++n) {
    const auto middle = static_cast<float>(-(n + 0.5) * std::log(2.0) / 8);
    std::vector<float> logits(64, middle);
    for (std::size_t i = 32; i > 0; --i) {
      logits[i - 1] = std::nextafter(logits[i], -kInfinity);
    }
    for (std::size_t i = 33; i < logits.size(); ++i) {
      logits[i] = std::nextafter(logits[i - 1], kInfinity);
    }
    std::vector<float> with_top = logits;
    with_top.push_back(0.0F);  // the highest: exponents are the logits themselves
    std::vector<float> soft(with_top.size());
    kernels.softmax(with_top.data(), 65, soft.data());
    for (std::size_t i = 1; i < logits.size(); ++i) {
      ASSERT_LE(soft[i - 1], soft[i]) << logits[i];
    }
  }
}

TEST(RowKernels, FindWhatIsNotFinite) {
  for (const RowKernels* kernels : usable_row_kernels()) {
    for (const std::size_t size : {1, 3, 4, 8, 15, 16, 17, 64, 77}) {
      for (std::size_t at = 0; at < size; ++at) {
        std::vector<float> row(size, std::numeric_limits<float>::max());
        ASSERT_TRUE(kernels->all_finite(row.data(), static_cast<std::int64_t>(size)));
        for (const float bad : {kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
          row[at] = bad;
          ASSERT_FALSE(kernels->all_finite(row.data(), static_cast<std::int64_t>(size))) << kernels->name;
        }
      }
    }
    EXPECT_TRUE(kernels->all_finite(nullptr, 0));
  }
}

// Every decided row is what softmax and the search say of it, in every set and bit for bit; rows are left out
// only for a reason.
TEST(RowKernels, RowsAtOnceAreWhatEachIsAlone) {
  RandomSequence draw({.seed = 5, .stream = Stream::router_noise}, 0);
  std::int64_t decided_rows = 0;
  std::int64_t clear_rows = 0;
  for (int round = 0; round < 600; ++round) {
    const auto count = 1 + static_cast<std::int64_t>(draw.next_below(round % 4 == 0 ? 256 : 70));
    const auto rows = 1 + static_cast<std::int64_t>(draw.next_below(40));
    const auto k = 1 + static_cast<std::int64_t>(
                           draw.next_below(static_cast<std::uint32_t>(std::min<std::int64_t>(8, count))));
    const std::uint32_t kind = draw.next_below(4);
    std::vector<float> logits(static_cast<std::size_t>(rows * count));
    for (float& z : logits) {
      const double uniform = draw.next_uniform() - 0.5;
      z = kind == 0   ? static_cast<float>(draw.next_below(9))  // many equal
          : kind == 1 ? static_cast<float>(300 * uniform)       // most scores 0
                      : static_cast<float>(8 * uniform);
      if (kind == 2 && draw.next_below(500) == 0) {
        z = draw.next_below(2) == 0 ? kInfinity : std::numeric_limits<float>::quiet_NaN();
      }
    }
    for (const RowKernels* kernels : usable_row_kernels()) {
      const auto size = static_cast<std::size_t>(rows * k);
      Ids chosen(size + 1, -7);
      std::vector<float> score(size + 1, -7.0F);
      bool decided[41];
      std::fill(std::begin(decided), std::end(decided), true);
      kernels->softmax_best({logits.data(), rows, count, k}, {chosen.data(), score.data(), decided});
      EXPECT_EQ(chosen[size], -7) << kernels->name;
      EXPECT_EQ(score[size], -7.0F) << kernels->name;
      for (std::int64_t r = 0; r < rows; ++r) {
        const float* row = logits.data() + r * count;
        std::vector<float> scores(static_cast<std::size_t>(count));
        bool clear = kernels->all_finite(row, count);
        if (!clear) {
          ASSERT_FALSE(decided[r]) << kernels->name;
          continue;
        }
        kernels->softmax(row, count, scores.data());
        const Choice right = plain_top_k(scores, static_cast<std::size_t>(k));
        for (std::int64_t j = 0; decided[r] && j < k; ++j) {
          const std::int32_t e = chosen[static_cast<std::size_t>(r * k + j)];
          ASSERT_EQ(e, right.chosen[static_cast<std::size_t>(j)]) << kernels->name << " row " << r;
          ASSERT_EQ(score[static_cast<std::size_t>(r * k + j)], scores[static_cast<std::size_t>(e)]);
        }
        // Neighbours in rank that differ by more than a part in 2^15 are far enough apart.
        std::vector<float> sorted = scores;
        std::sort(sorted.begin(), sorted.end(), std::greater<>());
        for (std::size_t j = 0; j < static_cast<std::size_t>(k) && j + 1 < sorted.size(); ++j) {
          clear = clear && sorted[j] - sorted[j + 1] > sorted[j] * 0x1p-14F;
        }
        ASSERT_TRUE(decided[r] || !clear) << kernels->name << " row " << r << " of " << count;
        ASSERT_FALSE(decided[r] && right.tied) << kernels->name;
        decided_rows += decided[r] ? 1 : 0;
        clear_rows += clear ? 1 : 0;
      }
    }
  }
  EXPECT_GT(decided_rows, 10000);
  EXPECT_GE(decided_rows, clear_rows);
}

}  // namespace
}  // namespace moesim
