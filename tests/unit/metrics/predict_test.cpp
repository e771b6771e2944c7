#include "metrics/predict.h"

#include <gtest/gtest.h>

#include <numeric>

namespace moesim {
namespace {

LayoutShares some_layout() {
  return {"tiled", {{1, 0.25}, {8, 0.8}, {16, 0.9}, {256, 0.95}}, 0.005, 30, 2.0, 0.4};
}
MachineLimits some_limits() {
  MachineLimits limits;
  limits.threads = 2;
  limits.gate = {{8, 0.5}, {128, 0.8}};
  limits.combine = 0.5;
  limits.norm = 0.5;
  limits.join_seconds = 2e-6;
  limits.layouts = {some_layout()};
  return limits;
}
// Two threads; weights in memory.
constexpr MachineRates kCold{
    .threads = 2, .flops = 3e11, .weights_read = 2e10, .rows_read = 6e10, .cache_read = 2e11};
// Weights in the second-level cache.
constexpr MachineRates kWarm{
    .threads = 2, .flops = 3e11, .weights_read = 2e11, .rows_read = 6e10, .cache_read = 2e11};
// Of 2048 → 1024, gated, float32.
const ExpertWork kExpert = expert_work({2048, 1024, Activation::swiglu}, 12 * 2048 * 1024);

std::vector<Index> uniform(Index experts, Index rows) {
  return std::vector<Index>(static_cast<std::size_t>(experts), rows);
}
// The same sum, most of it on the first experts.
std::vector<Index> skewed(Index experts, Index rows) {
  std::vector<Index> loads(static_cast<std::size_t>(experts), 0);
  Index left = experts * rows;
  for (std::size_t e = 0; e < loads.size() && left > 0; ++e) {
    loads[e] = e + 1 == loads.size() ? left : (left + 1) / 2;
    left -= loads[e];
  }
  return loads;
}

TEST(Predict, SharesLieBetweenMeasuredOnesAndMoreRowsNeverCostLess) {
  const LayoutShares layout = some_layout();
  EXPECT_DOUBLE_EQ(share_of(layout.products, 1), 0.25);
  EXPECT_DOUBLE_EQ(share_of(layout.products, 8), 0.8);
  EXPECT_DOUBLE_EQ(share_of(layout.products, 1000), 0.95);
  EXPECT_EQ(share_of(layout.products, 0.5), 0.25);
  EXPECT_EQ(share_of({}, 5), 1.0);
  // A measured share that would make 2 rows faster than 1 does not.
  const std::vector<Share> odd = {{1, 0.25}, {2, 0.9}, {4, 0.95}};
  double last = 0;
  for (double rows = 1; rows < 8; rows += 0.125) {
    const double seconds = rows / share_of(odd, rows);
    EXPECT_GE(seconds, last * (1 - 1e-12)) << rows;
    last = seconds;
  }
}

TEST(Predict, AnExpertIsNeverFasterThanItsLimitsAndMonotone) {
  for (const MachineRates& rates : {kCold, kWarm}) {
    double last = 0;
    EXPECT_EQ(predict_expert(kExpert, 0, rates, some_layout()), 0);
    for (Index rows = 1; rows <= 600; ++rows) {
      const auto m = static_cast<double>(rows);
      const double seconds = predict_expert(kExpert, m, rates, some_layout());
      EXPECT_GE(seconds, last);
      // The shares above were measured with depths of 200.
      EXPECT_GE(seconds, 0.9 * m * kExpert.flops_per_row / rates.flops);
      EXPECT_GE(seconds, kExpert.weight_bytes / rates.weights_read);
      last = seconds;
    }
    MachineRates faster = rates;
    faster.weights_read *= 1.5;
    faster.flops *= 1.5;
    EXPECT_LT(predict_expert(kExpert, 20, faster, some_layout()),
              predict_expert(kExpert, 20, rates, some_layout()));
  }
}

TEST(Predict, AddsUpMoreOrLessSharply) {
  EXPECT_DOUBLE_EQ(add_up(3, 4, 1), 7);
  EXPECT_DOUBLE_EQ(add_up(3, 4, 2), 5);
  EXPECT_EQ(add_up(3, 0, 2), 3);
  EXPECT_EQ(add_up(0, 0, 2), 0);
  for (const double p : {1.0, 1.5, 2.0, 5.0}) {
    EXPECT_NEAR(sharpness_of(3, 4, add_up(3, 4, p)), p, 1e-6);
  }
  EXPECT_NEAR(sharpness_of(3, 4, 100), 1, 1e-6);
  EXPECT_NEAR(sharpness_of(3, 4, 1), kMostSharpness, 1e-6);
}

TEST(Predict, DeeperProductsReachMore) {
  const ExpertWork flat = expert_work({128, 128, Activation::swiglu}, 0);
  const ExpertWork deep = expert_work({4096, 4096, Activation::swiglu}, 0);
  EXPECT_GT(predict_expert(flat, 100, kWarm, some_layout()) / flat.flops_per_row,
            1.1 * predict_expert(deep, 100, kWarm, some_layout()) / deep.flops_per_row);
}

TEST(Predict, SkewHelpsWhereReadingWeightsDecides) {
  const double even = predict_experts(kExpert, uniform(64, 2), kCold, some_layout());
  const double uneven = predict_experts(kExpert, skewed(64, 2), kCold, some_layout());
  EXPECT_LT(uneven, 0.3 * even) << "fewer experts' weights are read";
}

TEST(Predict, SkewCostsNothingOnOneMachineWhereArithmeticDecides) {
  const double even = predict_experts(kExpert, uniform(64, 256), kWarm, some_layout());
  const double uneven = predict_experts(kExpert, skewed(64, 256), kWarm, some_layout());
  EXPECT_NEAR(uneven / even, 1.0, 0.02);
}

TEST(Predict, SkewHurtsTheBusiestDeviceWhereArithmeticDecides) {
  const auto seconds = [](const std::vector<Index>& rows, const MachineRates& rates, int devices) {
    return predict_experts(kExpert, rows, rates, some_layout(), devices);
  };
  const std::vector<Index> even = uniform(64, 256);
  const std::vector<Index> uneven = skewed(64, 256);
  EXPECT_NEAR(seconds(even, kWarm, 8), seconds(even, kWarm, 1) / 8, 1e-9);
  EXPECT_GT(seconds(uneven, kWarm, 8), 5 * seconds(even, kWarm, 8));
  for (const int devices : {1, 2, 3, 7, 64, 100}) {
    EXPECT_LE(seconds(uneven, kWarm, devices), seconds(uneven, kWarm, 1) * (1 + 1e-12));
    EXPECT_GE(seconds(uneven, kWarm, devices) * devices, seconds(uneven, kWarm, 1) * (1 - 1e-12));
  }
}

TEST(Predict, ALayerIsTheSumOfItsStages) {
  LayerWork work{.tokens = 64, .d_model = 2048};
  work.gate = GateWork{64, 64, 2048, 32};
  work.expert = kExpert;
  work.rows = uniform(64, 8);
  const StageSeconds s = predict_layer(work, kCold, some_limits(), some_layout());
  for (const double seconds : {s.norm, s.gate, s.dispatch, s.experts, s.combine}) {
    EXPECT_GT(seconds, 0);
  }
  EXPECT_EQ(s.route, 0);
  EXPECT_EQ(s.plan, 0);
  StageLimits limits;
  limits.add(work, kCold);
  EXPECT_LE(limits.gate.seconds, s.gate);
  EXPECT_LE(limits.experts.seconds, s.experts);
  EXPECT_LE(limits.dispatch.seconds, s.dispatch);
  EXPECT_LE(limits.combine.seconds, s.combine);
  EXPECT_LE(limits.norm.seconds, s.norm);
  EXPECT_EQ(limits.experts.bound, Bound::bytes);
  EXPECT_EQ(limits.dispatch.bound, Bound::bytes);
}

TEST(Predict, WhatBindsFollowsTheRows) {
  LayerWork work{.tokens = 4096, .d_model = 2048};
  work.expert = kExpert;
  work.rows = uniform(64, 512);
  StageLimits limits;
  limits.add(work, kCold);
  EXPECT_EQ(limits.experts.bound, Bound::arithmetic);
  EXPECT_NEAR(limits.experts.seconds, 64 * 512 * kExpert.flops_per_row / kCold.flops, 1e-12);
  EXPECT_EQ(limits.gate.bound, Bound::none) << "there is no gate";
  EXPECT_NEAR(limits.dispatch.seconds, (4096 + 64 * 512) * 2048 * 4.0 / kCold.rows_read, 1e-9)
      << "every token is read once, for all its copies";
  StageLimits few;
  work.gathered = 100;
  few.add(work, kCold);
  EXPECT_NEAR(few.dispatch.seconds, (100 + 64 * 512) * 2048 * 4.0 / kCold.rows_read, 1e-9)
      << "those without an expert are not read";
  EXPECT_EQ(few.combine.seconds, limits.combine.seconds) << "every token is written";
  limits.add(work, kCold);
  EXPECT_NEAR(limits.experts.seconds, 2 * 64 * 512 * kExpert.flops_per_row / kCold.flops, 1e-12)
      << "two layers";
}

TEST(Predict, AGateOfFewTokensUsesOneThread) {
  LayerWork work{.tokens = 1, .d_model = 2048};
  work.gate = GateWork{1, 64, 2048, 32};
  const double one = predict_layer(work, kCold, some_limits(), some_layout()).gate;
  work.gate->tokens = 32;
  EXPECT_EQ(predict_layer(work, kCold, some_limits(), some_layout()).gate, one);
  work.gate->tokens = 64;
  EXPECT_EQ(predict_layer(work, kCold, some_limits(), some_layout()).gate, one) << "the second thread";
  work.gate->tokens = 65;
  EXPECT_GT(predict_layer(work, kCold, some_limits(), some_layout()).gate, 1.5 * one);
}

}  // namespace
}  // namespace moesim
