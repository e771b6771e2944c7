#include "metrics/parameters.h"

#include <gtest/gtest.h>

#include "experts/bank.h"

namespace moesim {
namespace {

// MoE++ (arXiv:2410.07348): the work of an expert layer over that of one with ffn experts alone is
// τ·N_ffn / (τ·N_ffn + N_zc).
TEST(Parameters, ComputeRatioOfMoePlusPlus) {
  EXPECT_DOUBLE_EQ(ffn_share(0.75, 8, 4), 0.6);
  EXPECT_DOUBLE_EQ(ffn_share(1.0, 16, 4), 0.8);
  EXPECT_DOUBLE_EQ(ffn_share(0.1, 8, 4), 0.8 / 4.8);
  EXPECT_DOUBLE_EQ(ffn_share(0.3, 5, 0), 1.0);
  EXPECT_DOUBLE_EQ(ffn_share(0.0, 5, 3), 0.0);
  EXPECT_EQ(ffn_share(1.0, 0, 0), 0.0);
  // It is the share that loads of 1 on each ffn expert and of 1/τ on each other one give.
  for (const double tau : {0.1, 0.25, 0.5, 0.75, 1.0}) {
    for (const Index ffn : {1, 8, 32}) {
      for (const Index other : {0, 1, 4, 8}) {
        const double load = static_cast<double>(ffn) + static_cast<double>(other) / tau;
        EXPECT_NEAR(ffn_share(tau, ffn, other), static_cast<double>(ffn) / load, 1e-15);
      }
    }
  }
}

// LongCat-Flash (arXiv:2509.01322; transformers, longcat_flash): 28 layers, D 6144, 512 experts 2048 wide and
// 256 identity experts, 12 per token; 18.6 billion active parameters with no ffn expert, 31.3 with twelve,
// about 27 on average.
TEST(Parameters, IdentityExpertsExplainTheRangeOfLongCat) {
  const LayerShape shape{.d_model = 6144, .d_ff = 2048, .num_experts = 512, .copy_experts = 256};
  EXPECT_DOUBLE_EQ(nominal_ffn_experts(shape, 12), 8.0);
  const auto billions = [&](double experts) {
    const LayerCost cost = moe_layer_cost(shape, {.experts_per_token = experts, .gate_params = 6144 * 768});
    return 28 * cost.active_params / 1e9;
  };
  EXPECT_NEAR(billions(12) - billions(0), 31.3 - 18.6, 0.1);
  EXPECT_NEAR(18.6 + billions(nominal_ffn_experts(shape, 12)) - billions(0), 27.0, 0.1);
  // Another number of identity experts is another average.
  const auto average = [&](Index identity) {
    return nominal_ffn_experts({.num_experts = 512, .copy_experts = identity}, 12);
  };
  EXPECT_DOUBLE_EQ(average(0), 12.0);
  EXPECT_DOUBLE_EQ(average(128), 9.6);
  EXPECT_DOUBLE_EQ(average(512), 6.0);
}

TEST(Parameters, OfMixtralsLayerAsEver) {
  const LayerShape shape{.d_model = 4096, .d_ff = 14336, .num_experts = 8};
  const LayerCost cost = moe_layer_cost(
      shape, {.experts_per_token = 2, .gate_params = 8 * 4096, .distinct_experts = 8, .tokens = 10});
  EXPECT_EQ(cost.total_params, 8u * 176'160'768 + 8 * 4096);
  EXPECT_DOUBLE_EQ(cost.active_params, 2.0 * 176'160'768 + 8 * 4096);
  EXPECT_DOUBLE_EQ(cost.flops_per_token, 2 * cost.active_params);
  EXPECT_DOUBLE_EQ(cost.bytes_per_token, 4.0 * static_cast<double>(cost.total_params) / 10);
}

// megatron/training/theoretical_memory_usage.py: routed experts at the latent width, two latent maps, shared
// experts and router at full width. Shape of Nemotron 3 Super as NVIDIA/Megatron-LM names it.
TEST(Parameters, OfALatentLayerAsMegatronCountsThem) {
  const LayerShape shape{.d_model = 4096,
                         .d_ff = 2688,
                         .num_experts = 512,
                         .shared_width = 5376,
                         .latent_width = 1024,
                         .activation = Activation::relu};
  const LayerCost cost = moe_layer_cost(shape, {.experts_per_token = 22, .gate_params = 512 * 4096});
  const double routed = 2.0 * 1024 * 2688;
  const double every_token = 512.0 * 4096 + 2.0 * 4096 * 5376 + 2.0 * 4096 * 1024;
  EXPECT_DOUBLE_EQ(static_cast<double>(cost.total_params), 512 * routed + every_token);
  EXPECT_DOUBLE_EQ(cost.active_params, 22 * routed + every_token);
}

// Kimi-K3 (arXiv:2607.24653): 92 layers of 896 experts, 3072 wide, in a 3584-wide latent space: 2,722.74
// billion routed parameters.
TEST(Parameters, OfTheRoutedExpertsOfKimiK3) {
  const LayerShape shape{.d_model = 7168, .d_ff = 3072, .num_experts = 896, .latent_width = 3584};
  const double routed =
      static_cast<double>(ffn_params(shape.expert_width(), shape.d_ff, shape.activation)) * 896 * 92;
  EXPECT_NEAR(routed / 1e9, 2722.74, 0.005);
}

TEST(Parameters, ConstantExpertsAreStoredButDoNoProducts) {
  const LayerShape without{.d_model = 100, .d_ff = 50, .num_experts = 4};
  LayerShape with = without;
  with.zero_experts = 1;
  with.copy_experts = 1;
  with.constant_experts = 2;
  EXPECT_EQ(constant_params(with), 600u);
  const LayerUse use{.experts_per_token = 1, .distinct_experts = 4, .tokens = 1};
  EXPECT_EQ(moe_layer_cost(with, use).total_params, moe_layer_cost(without, use).total_params + 600);
  EXPECT_EQ(moe_layer_cost(with, use).active_params, moe_layer_cost(without, use).active_params);
  EXPECT_EQ(moe_layer_cost(with, use).bytes_per_token, moe_layer_cost(without, use).bytes_per_token);
}

}  // namespace
}  // namespace moesim
