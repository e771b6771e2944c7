// The dense layers that the MoE is compared with at equal FLOPs and at equal time: widths as pure functions,
// and the search for a width as a function of who measures.

#include "engine/width_search.h"

#include <gtest/gtest.h>

#include <cmath>

#include "experts/bank.h"
#include "experts/dense.h"
#include "metrics/same_time.h"

namespace moesim {
namespace {

constexpr WidthRange kRange{16, 16 * 4096};

TEST(WidthSearch, FindsTheWidthOfProportionalAndOfAffineTimes) {
  for (const double fixed : {0.0, 0.05, 0.4}) {  // what a layer costs beside its width
    for (const Index looked_for : {Index{160}, Index{1008}, Index{20000}}) {
      for (const Index first : {Index{16}, Index{800}, Index{60000}}) {
        int trials = 0;
        const auto found = closest_trial(
            search_width({.first = first, .range = kRange}, [&](Index width) -> std::optional<double> {
              ++trials;
              return fixed + (1 - fixed) * static_cast<double>(width) / static_cast<double>(looked_for);
            }));
        EXPECT_LE(trials, 10);
        EXPECT_EQ(found.width % kRange.step, 0);
        const double error = static_cast<double>(std::abs(found.width - looked_for));
        EXPECT_LE(error, std::max(16.0, 0.03 * static_cast<double>(looked_for)))
            << "fixed " << fixed << ", from " << first << " found " << found.width << " for " << looked_for;
      }
    }
  }
}

TEST(WidthSearch, ComesNearTheWidthWhenTimesAreNoisy) {
  constexpr Index kLookedFor = 4000;
  double worst = 0;
  for (int seed = 0; seed < 50; ++seed) {
    int trial = 0;
    const auto found = closest_trial(
        search_width({.first = 2000, .range = kRange}, [&](Index width) -> std::optional<double> {
          const double noise = 0.03 * std::sin(12.9898 * seed + 78.233 * ++trial);
          return (1 + noise) * (0.1 + 0.9 * static_cast<double>(width) / kLookedFor);
        }));
    worst = std::max(worst, std::abs(std::log(static_cast<double>(found.width) / kLookedFor)));
  }
  EXPECT_LE(worst, 0.08);
}

TEST(WidthSearch, StaysWithinItsRangeAndEndsAtItsEnds) {
  const auto ending = [](double scale) {
    return closest_trial(search_width({.first = 1600, .range = kRange},
                                      [&](Index width) -> std::optional<double> {
                                        EXPECT_GE(width, kRange.step);
                                        EXPECT_LE(width, kRange.widest);
                                        return scale * static_cast<double>(width);
                                      }))
        .width;
  };
  EXPECT_EQ(ending(1e-7), kRange.widest) << "the MoE is slower than any";
  EXPECT_EQ(ending(1.0), kRange.step) << "the MoE is faster than any";
}

TEST(WidthSearch, EndsWhenNobodyMeasures) {
  EXPECT_TRUE(
      search_width({.first = 100, .range = kRange}, [](Index) { return std::optional<double>(); }).empty());
  int trials = 0;
  const auto found = search_width({.first = 1600, .range = kRange}, [&](Index) -> std::optional<double> {
    return ++trials > 2 ? std::nullopt : std::optional<double>(3.0);
  });
  EXPECT_EQ(found.size(), 2U);
}

TEST(DenseSameFlops, IsWithinHalfAHiddenUnit) {
  for (const Activation activation : {Activation::swiglu, Activation::relu}) {
    for (const Index d_model : {Index{8}, Index{256}, Index{4096}}) {
      const LayerShape shape{.d_model = d_model, .activation = activation};
      const auto unit = static_cast<double>(ffn_flops_per_row(d_model, 1, activation));
      for (const double units : {0.0, 0.3, 1.0, 17.5, 511.49, 123456.7}) {
        const auto width = static_cast<double>(dense_same_flops_width(shape, units * unit));
        EXPECT_NEAR(std::max(1.0, units), width, 0.5) << d_model;
      }
      EXPECT_GE(dense_same_flops_width(shape, 1e300), 1) << "no overflow";
    }
  }
}

TEST(TimeMatch, SaysWhetherTheWidthKeepsItsPromise) {
  VariantResult dense;
  dense.narrowest = 16;
  dense.widest = 4096;
  dense.width = 512;
  const auto match = [&](double low, double median, double high, Index width) {
    dense.width = width;
    dense.ratio = {.median = median, .low = low, .high = high};
    return time_match(dense);
  };
  EXPECT_EQ(match(0.97, 1.01, 1.03, 512), TimeMatch::matched);
  EXPECT_EQ(match(1.10, 1.12, 1.15, 512), TimeMatch::closest);
  EXPECT_EQ(match(1.10, 1.12, 1.15, 4096), TimeMatch::slower_than_widest);
  EXPECT_EQ(match(0.70, 0.72, 0.75, 16), TimeMatch::faster_than_narrowest);
}

}  // namespace
}  // namespace moesim
