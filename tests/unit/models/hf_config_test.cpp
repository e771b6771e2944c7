// Published configs and configuration classes' defaults → shapes and routers.
#include <gtest/gtest.h>

#include <algorithm>

#include "reading.h"

namespace moesim {
namespace {

using testing::corpus_config;
using testing::moe_layers;
using testing::router_stage;

ModelShape of(const std::string& json) {
  return read_hf_config(json, "config.json");
}

ModelShape of_type(const std::string& type) {
  return of(R"({"model_type": ")" + type + R"("})");
}

TEST(HfConfig, ReadsMixtral) {
  const ModelShape shape = of(corpus_config("mixtral"));
  EXPECT_EQ(shape.model_type, "mixtral");
  EXPECT_EQ(shape.d_model, 4096);
  EXPECT_EQ(shape.num_layers(), 32);
  EXPECT_EQ(shape.num_moe_layers(), 32);
  EXPECT_EQ(shape.vocabulary, 32000);
  EXPECT_FALSE(shape.tied_embeddings);
  EXPECT_EQ(shape.attention.num_heads, 32);
  EXPECT_EQ(shape.attention.num_kv_heads, 8);
  EXPECT_EQ(shape.attention.head_dim, 128);
  EXPECT_FALSE(shape.attention.qkv_bias);
  EXPECT_EQ(shape.moe.num_experts, 8);
  EXPECT_EQ(shape.moe.d_ff, 14336);
  EXPECT_EQ(shape.moe.shared_width, 0);
  EXPECT_FALSE(shape.moe.has_shared());
  EXPECT_EQ(shape.top_k, 2);
  EXPECT_EQ(router_stage(shape, "score_func"), "softmax");
  EXPECT_EQ(router_stage(shape, "top_k"), "2");
  EXPECT_EQ(router_stage(shape, "route_norm"), "true");
}

TEST(HfConfig, ReadsDeepSeekV3) {
  const ModelShape shape = of(corpus_config("deepseek_v3"));
  EXPECT_TRUE(shape.attention.latent());
  EXPECT_EQ(shape.attention.q_rank, 1536);
  EXPECT_EQ(shape.attention.rope_dim, 64);
  EXPECT_EQ(shape.num_moe_layers(), 58);
  EXPECT_FALSE(shape.is_moe_layer(2));
  EXPECT_TRUE(shape.is_moe_layer(3));
  EXPECT_FALSE(shape.is_moe_layer(61));
  EXPECT_EQ(shape.layers[0].dense_ffns, 1);
  EXPECT_EQ(shape.layers[3].dense_ffns, 0);
  EXPECT_EQ(shape.dense_width, 18432);
  EXPECT_EQ(shape.moe.shared_width, 2048);
  EXPECT_EQ(shape.moe.shared_kind, SharedKind::plain);
  EXPECT_TRUE(shape.selection_bias);
  EXPECT_EQ(router_stage(shape, "score_func"), "sigmoid");
  EXPECT_EQ(router_stage(shape, "num_expert_groups"), "8");
  EXPECT_EQ(router_stage(shape, "num_limited_groups"), "4");
  EXPECT_EQ(router_stage(shape, "group_score"), "sum_top_2");
  EXPECT_EQ(router_stage(shape, "norm_eps"), "1e-20");
  EXPECT_EQ(router_stage(shape, "route_scale"), "2.5");
  EXPECT_EQ(of_type("deepseek_v3").num_moe_layers(), 58) << "the class's defaults are those of the model";
}

TEST(HfConfig, TellsNullFromAbsent) {
  const ModelShape lite = of(corpus_config("deepseek_v2_lite"));
  EXPECT_EQ(lite.attention.q_rank, 0) << "q_lora_rank null: queries are not compressed";
  EXPECT_EQ(lite.moe.shared_width, 2 * 1408);
  EXPECT_EQ(router_stage(lite, "num_expert_groups"), "1");
  EXPECT_EQ(router_stage(lite, "route_norm"), "false");
  EXPECT_EQ(of(R"({"model_type": "deepseek_v2", "num_experts_per_tok": 6})").attention.q_rank, 1536);
  EXPECT_EQ(of(R"({"model_type": "mixtral", "num_key_value_heads": null})").attention.num_kv_heads, 32);
  EXPECT_EQ(of_type("mixtral").attention.num_kv_heads, 8);
  const std::string dbrx = R"({"model_type": "dbrx", "ffn_config": {"moe_normalize_expert_weights": )";
  EXPECT_EQ(router_stage(of(dbrx + "null}}"), "route_norm"), "false");
  EXPECT_EQ(router_stage(of(dbrx + "1.0}}"), "route_norm"), "true");
  EXPECT_EQ(router_stage(of_type("dbrx"), "route_norm"), "true");
  EXPECT_EQ(router_stage(of(R"({"model_type": "glm4_moe", "n_group": null})"), "num_expert_groups"), "1");
}

TEST(HfConfig, ReadsGroupLimitedGreedy) {
  const ModelShape shape = of(
      R"({"model_type": "deepseek_v2", "n_routed_experts": 160, "num_experts_per_tok": 6, "n_group": 8,
          "topk_group": 3, "topk_method": "group_limited_greedy", "routed_scaling_factor": 16.0,
          "norm_topk_prob": true})");
  EXPECT_EQ(router_stage(shape, "num_expert_groups"), "8");
  EXPECT_EQ(router_stage(shape, "num_limited_groups"), "3");
  EXPECT_EQ(router_stage(shape, "group_score"), "max");
  EXPECT_EQ(router_stage(shape, "route_scale"), "16");
  EXPECT_EQ(router_stage(shape, "route_norm"), "false") << "transformers never renormalises this family";
}

TEST(HfConfig, NormTopkProbDiffersByFamily) {
  EXPECT_EQ(router_stage(of_type("qwen2_moe"), "route_norm"), "false");
  EXPECT_EQ(router_stage(of_type("qwen3_moe"), "route_norm"), "false");
  EXPECT_EQ(router_stage(of_type("qwen3_next"), "route_norm"), "true");
  EXPECT_EQ(router_stage(of_type("olmoe"), "route_norm"), "false");
  EXPECT_EQ(router_stage(of_type("deepseek_v3"), "route_norm"), "true");
  EXPECT_EQ(router_stage(of_type("glm4_moe"), "route_norm"), "true");
  EXPECT_EQ(router_stage(of_type("jamba"), "route_norm"), "false");
  for (const char* type : {"qwen2_moe", "qwen3_moe", "olmoe"}) {
    const std::string json = std::string(R"({"model_type": ")") + type + R"(", "norm_topk_prob": true})";
    EXPECT_EQ(router_stage(of(json), "route_norm"), "true") << type;
  }
}

TEST(HfConfig, ReadsQwen) {
  const ModelShape two = of_type("qwen2_moe");
  EXPECT_TRUE(two.attention.qkv_bias);
  EXPECT_FALSE(two.attention.output_bias);
  EXPECT_EQ(two.moe.shared_width, 5632);
  EXPECT_EQ(two.moe.shared_kind, SharedKind::gated);
  const ModelShape three = of(
      R"({"model_type": "qwen3_moe", "decoder_sparse_step": 2, "mlp_only_layers": [3], "num_hidden_layers": 8,
          "head_dim": 128})");
  EXPECT_EQ(moe_layers(three), (std::vector<Index>{1, 5, 7}));
  EXPECT_EQ(three.dense_width, 6144);
  EXPECT_EQ(three.attention.qk_norm, QkNorm::per_head);
  EXPECT_EQ(three.attention.head_dim, 128);
  const ModelShape next = of(corpus_config("qwen3_next"));
  EXPECT_EQ(next.layers[2].mixer, Mixer::delta_net);
  EXPECT_EQ(next.layers[3].mixer, Mixer::attention);
  EXPECT_TRUE(next.attention.output_gate);
  EXPECT_EQ(next.delta_net.num_value_heads, 32);
}

TEST(HfConfig, ReadsLlama4InsideTextConfig) {
  const ModelShape shape = of(corpus_config("llama4"));
  EXPECT_EQ(shape.model_type, "llama4_text");
  EXPECT_EQ(shape.num_moe_layers(), 24);
  EXPECT_FALSE(shape.is_moe_layer(0));
  EXPECT_TRUE(shape.is_moe_layer(1));
  EXPECT_EQ(shape.dense_width, 16384);
  EXPECT_EQ(shape.moe.shared_width, 8192);
  EXPECT_EQ(router_stage(shape, "weight_on"), "input");
  EXPECT_EQ(router_stage(shape, "select_on"), "logit");
  const ModelShape listed =
      of(R"({"model_type": "llama4_text", "moe_layers": [0, 2], "num_hidden_layers": 3})");
  EXPECT_EQ(moe_layers(listed), (std::vector<Index>{0, 2}));
  const ModelShape shortened =
      of(R"({"model_type": "llama4_text", "moe_layers": [1, 3, 5, 47], "num_hidden_layers": 4})");
  EXPECT_EQ(moe_layers(shortened), (std::vector<Index>{1, 3}));
  const ModelShape qwen =
      of(R"({"model_type": "qwen3_moe", "mlp_only_layers": [0, 23], "num_hidden_layers": 3})");
  EXPECT_EQ(moe_layers(qwen), (std::vector<Index>{1, 2}));
}

TEST(HfConfig, ReadsNestedDbrx) {
  const ModelShape shape = of(corpus_config("dbrx"));
  EXPECT_EQ(shape.moe.num_experts, 16);
  EXPECT_EQ(shape.top_k, 4);
  EXPECT_EQ(shape.moe.d_ff, 10752);
  EXPECT_EQ(shape.attention.num_kv_heads, 8);
  EXPECT_EQ(shape.num_layers(), 40);
}

TEST(HfConfig, ReadsJamba) {
  const ModelShape shape = of(corpus_config("jamba"));
  EXPECT_EQ(shape.num_moe_layers(), 16);
  EXPECT_TRUE(shape.is_moe_layer(1));
  EXPECT_EQ(std::count_if(shape.layers.begin(), shape.layers.end(),
                          [](const StackLayer& layer) { return layer.mixer == Mixer::attention; }),
            4);
  EXPECT_EQ(shape.layers[4].mixer, Mixer::attention);
  EXPECT_EQ(shape.mamba.inner_width, 8192);
  EXPECT_EQ(shape.mamba.dt_rank, 256);
  EXPECT_EQ(of(R"({"model_type": "jamba", "mamba_dt_rank": "auto"})").mamba.dt_rank, 256);
}

TEST(HfConfig, ReadsErnie) {
  const ModelShape shape = of(corpus_config("ernie"));
  EXPECT_EQ(shape.num_moe_layers(), 27);
  EXPECT_EQ(shape.moe.shared_width, 2 * 1536);
  EXPECT_EQ(router_stage(shape, "norm_eps"), "1e-12");
  EXPECT_EQ(router_stage(shape, "norm_floor"), "clamp");
  EXPECT_EQ(router_stage(shape, "expert_bias_on"), "score");
  EXPECT_TRUE(shape.selection_bias);
  const ModelShape some = of(
      R"({"model_type": "ernie4_5_moe", "num_hidden_layers": 9, "moe_layer_start_index": 2,
          "moe_layer_end_index": 7, "moe_layer_interval": 2, "use_bias": true, "moe_norm_min": 1e-6})");
  EXPECT_EQ(moe_layers(some), (std::vector<Index>{3, 5, 7}));
  EXPECT_TRUE(some.expert_bias);
  EXPECT_TRUE(some.head_bias);
  EXPECT_EQ(router_stage(some, "norm_eps"), "1e-6");
}

TEST(HfConfig, ReadsLongCat) {
  const ModelShape shape = of(corpus_config("longcat"));
  EXPECT_EQ(shape.num_layers(), 28);
  EXPECT_EQ(shape.layers[0].mixers, 2);
  EXPECT_EQ(shape.layers[0].dense_ffns, 2);
  EXPECT_EQ(shape.moe.copy_experts, 256);
  EXPECT_EQ(shape.moe.pool_size(), 768);
  EXPECT_EQ(router_stage(shape, "route_scale"), "6");
  EXPECT_EQ(of(R"({"model_type": "longcat_flash", "num_layers": 14, "num_hidden_layers": 28})").num_layers(),
            14)
      << "transformers saves twice as many beside it";
}

TEST(HfConfig, ReadsHunyuan) {
  const ModelShape a13b = of(corpus_config("hunyuan"));
  EXPECT_EQ(a13b.top_k, 8);
  EXPECT_EQ(a13b.moe.shared_width, 3072);
  EXPECT_EQ(a13b.attention.qk_norm, QkNorm::per_head);
  EXPECT_EQ(router_stage(a13b, "route_norm"), "true");
  const ModelShape large = of(
      R"({"model_type": "hunyuan", "num_experts": 16, "moe_topk": 1, "use_cla": true, "cla_share_factor": 2,
          "num_hidden_layers": 4, "use_mixed_mlp_moe": true, "num_shared_expert": 1})");
  EXPECT_EQ(router_stage(large, "route_norm"), "false");
  EXPECT_EQ(
      router_stage(of(R"({"model_type": "hunyuan_v1_moe", "num_experts": 16, "moe_topk": 1})"), "route_norm"),
      "true")
      << "transformers divides a single weight, too";
  EXPECT_TRUE(large.layers[0].owns_kv);
  EXPECT_FALSE(large.layers[1].owns_kv);
}

TEST(HfConfig, ReadsTheOthers) {
  const ModelShape gpt_oss = of_type("gpt_oss");
  EXPECT_EQ(gpt_oss.moe.num_experts, 128);
  EXPECT_DOUBLE_EQ(gpt_oss.clamp.limit, 7.0);
  EXPECT_DOUBLE_EQ(gpt_oss.clamp.alpha, 1.702);
  EXPECT_TRUE(gpt_oss.expert_bias && gpt_oss.gate_bias && gpt_oss.attention.sinks);
  EXPECT_EQ(router_stage(gpt_oss, "softmax_after_top_k"), "true");
  EXPECT_EQ(router_stage(gpt_oss, "logit"), "linear_bias");
  const ModelShape phi = of(R"({"model_type": "phimoe", "router_jitter_noise": 0.02, "lm_head_bias": true})");
  EXPECT_EQ(router_stage(phi, "kind"), "sparsemixer");
  EXPECT_EQ(router_stage(phi, "jitter_eps"), "0.02");
  EXPECT_TRUE(phi.head_bias && phi.norm_bias);
  const ModelShape minimax = of_type("minimax_m2");
  EXPECT_EQ(minimax.attention.qk_norm, QkNorm::full_projection);
  EXPECT_EQ(router_stage(minimax, "score_func"), "sigmoid");
  EXPECT_EQ(router_stage(minimax, "norm_eps"), "0");
  const ModelShape granite = of(
      R"({"model_type": "granitemoeshared", "shared_intermediate_size": 1024, "num_local_experts": 32,
          "num_experts_per_tok": 8})");
  EXPECT_EQ(granite.moe.shared_width, 1024);
  EXPECT_EQ(router_stage(granite, "softmax_after_top_k"), "true");
  EXPECT_EQ(of_type("granitemoe").moe.shared_width, 0);
  const ModelShape grok = of(R"({"model_type": "grok-1", "hidden_act": "gelu"})");
  EXPECT_EQ(grok.moe.activation, Activation::geglu);
  EXPECT_EQ(router_stage(grok, "route_norm"), "false");
  const ModelShape kimi = of(
      R"({"model_type": "kimi_k2", "n_routed_experts": 384, "n_group": 1, "topk_group": 1,
          "routed_scaling_factor": 2.827, "first_k_dense_replace": 1})");
  EXPECT_EQ(kimi.num_moe_layers(), 60);
  EXPECT_EQ(router_stage(kimi, "route_scale"), "2.827");
  const ModelShape one = of(
      R"({"model_type": "deepseek", "n_routed_experts": 64, "num_experts_per_tok": 6, "norm_topk_prob": true})");
  EXPECT_EQ(router_stage(one, "norm_single"), "false");
  EXPECT_EQ(router_stage(one, "norm_eps"), "1e-20");
  EXPECT_FALSE(one.attention.latent());
}

TEST(HfConfig, SaysWhichKeyWasUsed) {
  std::vector<HfKey> keys;
  read_hf_config(R"({"model_type": "qwen3_moe", "num_local_experts": 64, "num_experts": 64})", "c", &keys);
  const auto experts =
      std::find_if(keys.begin(), keys.end(), [](const HfKey& key) { return key.meaning == "num_experts"; });
  ASSERT_NE(experts, keys.end());
  EXPECT_EQ(experts->key, "num_local_experts");
  EXPECT_EQ(experts->value, "64");
  const auto top_k =
      std::find_if(keys.begin(), keys.end(), [](const HfKey& key) { return key.meaning == "vocabulary"; });
  ASSERT_NE(top_k, keys.end());
  EXPECT_EQ(top_k->key, "default of qwen3_moe");
}

TEST(HfConfig, TakesEveryFamilyWithItsDefaults) {
  for (const std::string& type : hf_model_types()) {
    const std::string json =
        R"({"model_type": ")" + type + R"(", "num_experts_per_tok": 2, "num_local_experts": 16})";
    EXPECT_EQ(testing::refused(json).message, "") << type;
  }
}

}  // namespace
}  // namespace moesim
