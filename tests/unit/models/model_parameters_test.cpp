// Counts against lists of tensors as the models' code makes them, and the costs of a token.
#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

#include "core/error.h"
#include "models/model_catalogue.h"
#include "models/model_parameters.h"
#include "reading.h"

namespace moesim {
namespace {

using testing::corpus_config;

ModelShape of(const std::string& json) {
  return read_hf_config(json, "config.json");
}

// A tensor's shape; a tensor in `times` layers.
std::uint64_t tensors(std::initializer_list<std::vector<std::uint64_t>> shapes, std::uint64_t times = 1) {
  std::uint64_t sum = 0;
  for (const std::vector<std::uint64_t>& shape : shapes) {
    std::uint64_t product = 1;
    for (const std::uint64_t extent : shape) {
      product *= extent;
    }
    sum += product;
  }
  return sum * times;
}

TEST(ModelParameters, OfAConfigAreThoseOfTheCatalogue) {
  const std::pair<const char*, const char*> pairs[] = {{"mixtral", "mixtral-8x7b"},
                                                       {"deepseek_v2_lite", "deepseek-v2-lite"},
                                                       {"deepseek_v3", "deepseek-v3"},
                                                       {"llama4", "llama-4-maverick"},
                                                       {"dbrx", "dbrx"},
                                                       {"jamba", "jamba-v0.1"},
                                                       {"ernie", "ernie-4.5-21b-a3b"},
                                                       {"longcat", "longcat-flash"},
                                                       {"gpt_oss", "gpt-oss-20b"},
                                                       {"glm4_moe", "glm-4.5"},
                                                       {"qwen2_moe", "qwen1.5-moe-a2.7b"},
                                                       {"qwen3_moe", "qwen3-30b-a3b"},
                                                       {"olmoe", "olmoe-1b-7b"},
                                                       {"granite", "granite-3.0-1b-a400m"},
                                                       {"minimax_m2", "minimax-m2"}};
  for (const auto& [config, name] : pairs) {
    const ModelParameters from_config = count_parameters(of(corpus_config(config)));
    const ModelParameters published = count_parameters(model_catalogue().find(name)->shape);
    EXPECT_EQ(from_config.total, published.total) << name;
    EXPECT_EQ(from_config.active.all, published.active.all) << name;
    EXPECT_EQ(from_config.router, published.router) << name;
    const TokenCost cost = token_cost(of(corpus_config(config)), from_config);
    const TokenCost known = token_cost(model_catalogue().find(name)->shape, published);
    EXPECT_EQ(cost.kv_values_per_context_token, known.kv_values_per_context_token) << name;
    EXPECT_EQ(cost.flops, known.flops) << name;
  }
}

// The catalogue follows the reference in not counting some small parts of these; a config.json is counted in
// full.
TEST(ModelParameters, OfAConfigHaveTheSmallParts) {
  const auto more = [](const char* config, const char* name) {
    return count_parameters(of(config)).total - count_parameters(model_catalogue().find(name)->shape).total;
  };
  EXPECT_EQ(more(corpus_config("phimoe").c_str(), "phi-3.5-moe"), 65u * 4096 + 32064)
      << "biases of norms and head";
  EXPECT_EQ(
      more(R"({"model_type": "grok-1", "hidden_size": 6144, "num_hidden_layers": 64, "vocab_size": 131072,
                     "num_attention_heads": 48, "num_key_value_heads": 8})",
           "grok-1"),
      64u * 2 * 6144)
      << "four norms a layer";
}

TEST(ModelParameters, OfGptOssHaveEveryBias) {
  const ModelParameters p = count_parameters(
      of(R"({"model_type": "gpt_oss", "hidden_size": 16, "intermediate_size": 12, "num_hidden_layers": 3,
             "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "num_local_experts": 5,
             "num_experts_per_tok": 2, "vocab_size": 100})"));
  EXPECT_EQ(p.routed, tensors({{5, 16, 24}, {5, 24}, {5, 12, 16}, {5, 16}}, 3));
  EXPECT_EQ(p.attention, tensors({{32, 16}, {32}, {16, 16}, {16}, {16, 16}, {16}, {16, 32}, {16}, {4}}, 3));
  EXPECT_EQ(p.router, tensors({{5, 16}, {5}}, 3));
  EXPECT_EQ(p.norms, tensors({{16}, {16}}, 3) + 16);
  EXPECT_EQ(p.input_embedding, 1600u);
  EXPECT_EQ(p.output_embedding, 1600u);
}

TEST(ModelParameters, OfLatentAttention) {
  const char* more = R"("hidden_size": 16, "num_hidden_layers": 2, "first_k_dense_replace": 1,
      "intermediate_size": 40, "num_attention_heads": 4, "num_key_value_heads": 4, "q_lora_rank": 6,
      "kv_lora_rank": 5, "qk_nope_head_dim": 8, "qk_rope_head_dim": 2, "v_head_dim": 7, "n_routed_experts": 8,
      "n_group": 1, "topk_group": 1, "num_experts_per_tok": 2, "moe_intermediate_size": 3, "n_shared_experts": 2,
      "attention_bias": true, "vocab_size": 100})";
  const ModelShape shape = of(R"({"model_type": "deepseek_v3", )" + std::string(more));
  const ModelParameters p = count_parameters(shape);
  EXPECT_EQ(p.attention,
            tensors({{6, 16}, {6}, {6}, {40, 6}, {7, 16}, {7}, {5}, {4 * 15, 5}, {16, 28}, {16}}, 2));
  EXPECT_EQ(p.router, tensors({{8, 16}, {8}})) << "gate and selection bias";
  EXPECT_EQ(p.shared, tensors({{6, 16}, {6, 16}, {16, 6}}));
  EXPECT_EQ(p.dense, tensors({{40, 16}, {40, 16}, {16, 40}}));
  EXPECT_EQ(p.per_expert, tensors({{3, 16}, {3, 16}, {16, 3}}));
  EXPECT_EQ(p.routed, 8 * p.per_expert);
  EXPECT_EQ(p.routed_active, 2 * p.per_expert);
  const TokenCost cost = token_cost(shape, p);
  EXPECT_EQ(cost.kv_values_per_context_token, 2u * (5 + 2)) << "the latent and the part with positions";
  EXPECT_EQ(cost.flops_per_context_token, 2u * 2 * 4 * (8 + 2 + 7));
}

TEST(ModelParameters, OfMamba) {
  const ModelParameters p = count_parameters(
      of(R"({"model_type": "jamba", "hidden_size": 32, "num_hidden_layers": 8, "num_attention_heads": 4,
             "num_key_value_heads": 2, "intermediate_size": 10, "num_experts": 4, "mamba_d_state": 3,
             "mamba_proj_bias": true, "vocab_size": 50})"));
  // One layer of eight has attention; dt_rank is 32 / 16.
  EXPECT_EQ(p.attention, tensors({{128, 32},
                                  {128},
                                  {64, 1, 4},
                                  {64},
                                  {2 + 6, 64},
                                  {64, 2},
                                  {64},
                                  {64, 3},
                                  {64},
                                  {32, 64},
                                  {32},
                                  {2},
                                  {3},
                                  {3}},
                                 7) +
                             tensors({{32, 32}, {16, 32}, {16, 32}, {32, 32}}));
  EXPECT_EQ(p.dense, tensors({{10, 32}, {10, 32}, {32, 10}}, 4));
}

TEST(ModelParameters, OfGatedDeltaNet) {
  const ModelParameters p = count_parameters(
      of(R"({"model_type": "qwen3_next", "hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 4,
             "num_key_value_heads": 2, "head_dim": 8, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
             "linear_key_head_dim": 3, "linear_value_head_dim": 5, "linear_conv_kernel_dim": 4,
             "num_experts": 10, "num_experts_per_tok": 2, "moe_intermediate_size": 6,
             "shared_expert_intermediate_size": 7, "vocab_size": 50})"));
  // q and k: 2·3 wide, v and z: 4·5.
  EXPECT_EQ(p.attention,
            tensors({{6 + 6 + 20 + 20, 16}, {8, 16}, {6 + 6 + 20, 1, 4}, {4}, {4}, {5}, {16, 20}}, 3) +
                tensors({{64, 16}, {16, 16}, {16, 16}, {16, 32}, {8}, {8}}));
  EXPECT_EQ(p.shared, tensors({{7, 16}, {7, 16}, {16, 7}, {1, 16}}, 4));
}

TEST(ModelParameters, TiedEmbeddingsAreCountedOnceAndUsedAsProducts) {
  ModelShape shape = model_catalogue().find("olmoe-1b-7b")->shape;
  const ModelParameters untied = count_parameters(shape);
  shape.tied_embeddings = true;
  const ModelParameters tied = count_parameters(shape);
  EXPECT_EQ(untied.total - tied.total, untied.input_embedding);
  EXPECT_EQ(tied.active.all, tied.active.no_input_embedding);
  EXPECT_EQ(untied.active.no_embeddings, tied.active.no_embeddings);
  EXPECT_EQ(token_cost(shape, tied).flops,
            token_cost(model_catalogue().find("olmoe-1b-7b")->shape, untied).flops);
  EXPECT_EQ(token_cost(shape, tied).flops, 2 * tied.active.all);
}

TEST(ModelParameters, CacheGrowsWithTheText) {
  const auto values = [](const char* name) {
    const ModelShape& shape = model_catalogue().find(name)->shape;
    return token_cost(shape, count_parameters(shape)).kv_values_per_context_token;
  };
  EXPECT_EQ(values("mixtral-8x7b"), 32u * 2 * 8 * 128);
  EXPECT_EQ(values("deepseek-v3"), 61u * (512 + 64));
  EXPECT_EQ(values("longcat-flash"), 28u * 2 * (512 + 64));
  EXPECT_EQ(values("jamba-v0.1"), 4u * 2 * 8 * 128) << "Mamba keeps a state of fixed size";
  EXPECT_EQ(values("minimax-text-01"), 10u * 2 * 8 * 128);
  EXPECT_EQ(values("hunyuan-large"), 32u * 2 * 8 * 80) << "pairs of layers share";
  EXPECT_EQ(values("switch-base-8"), 12u * 2 * 12 * 64) << "the decoder's self attention";
}

TEST(ModelParameters, RefusesSumsBeyond64Bits) {
  const ModelShape huge = of(
      R"({"model_type": "mixtral", "hidden_size": 16777216, "intermediate_size": 16777216,
          "num_local_experts": 65536, "num_hidden_layers": 4096, "vocab_size": 67108864})");
  try {
    count_parameters(huge);
    FAIL() << "counted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::out_of_memory);
    EXPECT_NE(std::string(error.what()).find("[too-large]"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace moesim
