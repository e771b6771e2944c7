// The dense layers that the MoE is compared with at equal FLOPs and at equal time: widths as pure functions,
// and the search for a width as a function of who measures.

#include "engine/width_search.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "experts/bank.h"
#include "experts/dense.h"
#include "metrics/same_time.h"

namespace moesim {
namespace {

constexpr WidthRange kRange{16, 16 * 4096};

std::vector<WidthTrial> search_from(Index first, const TimeRatio& oracle) {
  return search_width({.first = first, .range = kRange}, oracle);
}

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

TEST(NearestWidth, IsAMultipleOfTheStepWithinTheRange) {
  EXPECT_EQ(nearest_width(kRange, 1000), 1008);  // 62.5 panels
  EXPECT_EQ(nearest_width(kRange, 999), 992);
  EXPECT_EQ(nearest_width(kRange, 0.1), 16);
  EXPECT_EQ(nearest_width(kRange, -1e300), 16);
  EXPECT_EQ(nearest_width(kRange, 1e300), kRange.widest);
  EXPECT_EQ(nearest_width(kRange, std::numeric_limits<double>::infinity()), kRange.widest);
}

// Time is exactly in proportion to the width: the second width is right, unless the first is off by more than
// 16 times.
TEST(WidthSearch, OneStepIsEnoughWhereTimeIsInProportion) {
  for (const Index first : {Index{16}, Index{500}, Index{2048}, Index{30000}}) {
    const auto oracle = [](Index width) { return std::optional(static_cast<double>(width) / 2048.0); };
    const std::vector<WidthTrial> trials = search_from(first, oracle);
    EXPECT_EQ(closest_trial(trials).width, 2048) << first;
    EXPECT_EQ(closest_trial(trials).times, 3) << first;
    EXPECT_LE(trials.size(), first == 16 ? 3u : 2u) << first;  // a factor of 16 at a time
  }
}

// A kink where the weights no longer fit a cache: three times the price of a unit from there on.
RC_GTEST_PROP(WidthSearch, FindsTheWidthBesideAKink, ()) {
  const Index target = 16 * *rc::gen::inRange<Index>(100, 3000);
  const double kink = static_cast<double>(target) * *rc::gen::inRange(50, 150) / 100.0;
  const auto seconds = [&](double width) { return width + 2.0 * std::max(0.0, width - kink); };
  const auto trials = search_from(1024, [&](Index width) {
    return std::optional(seconds(static_cast<double>(width)) / seconds(static_cast<double>(target)));
  });
  RC_ASSERT(std::abs(closest_trial(trials).ratio - 1.0) <= 0.03);
}

TEST(WidthSearch, EndsWhereTheAnswerIsNoRatio) {
  for (const double nonsense : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    EXPECT_TRUE(search_from(64, [&](Index) { return std::optional(nonsense); }).empty());
  }
}

// Whatever is answered: legal widths, few of them.
RC_GTEST_PROP(WidthSearch, AsksForLegalWidthsWhateverIsAnswered, ()) {
  const auto answers = *rc::gen::container<std::vector<double>>(
      10, rc::gen::map(rc::gen::inRange(-300, 300), [](int e) { return std::pow(10.0, e / 30.0); }));
  std::size_t asked = 0;
  std::set<Index> widths;
  search_from(*rc::gen::inRange<Index>(-5, 1'000'000), [&](Index width) {
    widths.insert(width);
    return std::optional(answers.at(asked++));
  });
  for (const Index width : widths) {
    RC_ASSERT(width >= kRange.step);
    RC_ASSERT(width <= kRange.widest);
    RC_ASSERT(width % kRange.step == 0);
  }
}

LayerShape small_shape() {
  return {.num_layers = 2, .d_model = 64, .d_ff = 128, .num_experts = 8};
}

TEST(WidthsToTry, LeaveRoomForTwiceWhatIsExpected) {
  const LayerShape shape = small_shape();
  const double unit = 3.0 * 64;  // parameters of a hidden unit
  // 4 MiB of weights of both layers: 2730.7 units; beside them twice 256 units of products.
  WidthRange range =
      widths_to_try({.shape = shape, .moe = {.flops_per_token = 256 * 2 * unit}, .tokens = 1000});
  EXPECT_EQ(range.step, 16);
  EXPECT_EQ(range.widest, 3248);  // 3242.7, in whole panels
  // Few tokens: reading the weights decides, 4 bytes each.
  range = widths_to_try({.shape = shape,
                         .moe = {.flops_per_token = 256 * 2 * unit, .bytes_per_token = 1000 * 4 * unit},
                         .tokens = 1});
  EXPECT_EQ(range.widest, 4736);  // 2730.7 + 2000
  // Routing that takes as long as 100 units of products.
  range = widths_to_try({.shape = shape,
                         .moe = {.flops_per_token = 256 * 2 * unit},
                         .routing_seconds = 100 * 2 * unit * 1000 / 2e11,
                         .tokens = 1000});
  EXPECT_EQ(range.widest, 3456);  // 3442.7
}

TEST(WidthsToTry, AnAbsurdLayerHasALegalRange) {
  const LayerShape shape = small_shape();
  const WidthRange range = widths_to_try({.shape = shape, .moe = {.flops_per_token = 1e300}, .tokens = 1});
  EXPECT_GT(range.widest, 0);
  EXPECT_EQ(range.widest % range.step, 0);
}

RC_GTEST_PROP(DenseSameFlops, IsWithinHalfAHiddenUnitWhateverTheLayer, ()) {
  const LayerShape shape{.d_model = *rc::gen::inRange<Index>(1, 5000),
                         .activation = *rc::gen::element(Activation::swiglu, Activation::relu)};
  const auto unit = static_cast<double>(ffn_flops_per_row(shape.d_model, 1, shape.activation));
  const double flops = unit * *rc::gen::inRange(500, 50'000'000) / 1000.0;  // from half a unit
  const auto width = static_cast<double>(dense_same_flops_width(shape, flops));
  RC_ASSERT(std::abs(width * unit - flops) <= unit / 2 * (1 + 1e-9));
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
  EXPECT_EQ(match(0.52, 1.42, 4.78, 512), TimeMatch::uncertain);
  EXPECT_EQ(match(0.95, 1.00, 1.11, 512), TimeMatch::uncertain);
  EXPECT_EQ(match(1.10, 1.12, 1.15, 512), TimeMatch::closest);
  EXPECT_EQ(match(1.10, 1.12, 1.15, 4096), TimeMatch::slower_than_widest);
  EXPECT_EQ(match(0.70, 0.72, 0.75, 16), TimeMatch::faster_than_narrowest);
}

}  // namespace
}  // namespace moesim
