// Corruptions of config.json, each with the message it must give.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "reading.h"

namespace moesim {
namespace {

using testing::refused;

struct Corruption {
  std::string json;
  std::string message;  // behind "config.json: error: "
};

void expect_refused(const std::vector<Corruption>& rows) {
  for (const Corruption& row : rows) {
    const testing::Refused result = refused(row.json);
    EXPECT_EQ(result.message, "config.json: error: " + row.message) << row.json;
    EXPECT_EQ(result.kind, ErrorKind::bad_data) << row.json;
  }
}

std::string mixtral(const std::string& more) {
  return R"({"model_type": "mixtral", )" + more + "}";
}

std::string of_type(const std::string& type, const std::string& more) {
  return fmt::format(R"({{"model_type": "{}", {}}})", type, more);
}

std::string supported() {
  std::string list;
  for (const std::string& type : hf_model_types()) {
    list += (list.empty() ? "" : ", ") + type;
  }
  return "; expected one of " + list;
}

TEST(HfConfig, RefusesWhatIsNotJson) {
  const std::string json = "; expected JSON text [json-malformed]";
  expect_refused({
      {"", "byte 0: the text ends" + json},
      {"{", "byte 1: the text ends" + json},
      {"{\"a\": NaN}", "byte 6: found 'N'" + json},
      {"{\"a\": 1} x", "byte 9: found 'x'" + json},
      {"{'a': 1}", "byte 1: found '''" + json},
      {"{\"a\": 1,}", "byte 8: found '}'" + json},
      {"{\"a\": \"\xff\"}", "byte 7: found '\\xff'" + json},
      {"{\"a\": \"\x1b[31m\"}", "byte 7: found '\\x1b'" + json},
      {"{\"a\": 1e999}", "1e999 is beyond the largest number; expected a finite number [json-malformed]"},
      {R"({"a": 1, "a": 2})", "a: the key stands twice; expected each key once [duplicate-key]"},
      {std::string(40, '['), "objects and arrays deeper than 32 levels; expected fewer levels [json-limit]"},
      {std::string(100'000, '['),
       "objects and arrays deeper than 32 levels; expected fewer levels [json-limit]"},
      {std::string(kLargestHfConfig + 1, ' '), "4194305 bytes; expected at most 4194304 [file-too-large]"},
  });
}

TEST(HfConfig, RefusesMoreValuesThanAConfigHas) {
  std::string json = "[0";
  for (int i = 0; i < 200'000; ++i) {
    json += ",0";
  }
  expect_refused({{json + "]", "more than 200000 values; expected fewer [json-limit]"}});
}

TEST(HfConfig, RefusesUnknownModels) {
  expect_refused({
      {"[]", "got a list; expected an object, as in a checkpoint's config.json [wrong-type]"},
      {"{}", "model_type: missing" + supported() + " [missing-key]"},
      {R"({"model_type": null})", "model_type: missing" + supported() + " [missing-key]"},
      {R"({"model_type": 3})", "model_type: got 3" + supported() + " [wrong-type]"},
      {R"({"model_type": "llama"})",
       "model_type: unknown model type 'llama'" + supported() + " [unknown-variant]"},
      {R"({"model_type": "x", "text_config": {"model_type": "qwen2"}})",
       "text_config.model_type: unknown model type 'qwen2'" + supported() + " [unknown-variant]"},
      {R"({"text_config": 3})", "text_config: got 3; expected an object [wrong-type]"},
  });
  EXPECT_EQ(refused(R"({"model_type": "mixtrall"})").help, "did you mean 'mixtral'?");
  EXPECT_EQ(refused("{}").help,
            "is this a checkpoint's config.json? It names the model's architecture under model_type");
}

TEST(HfConfig, RefusesWrongTypesAndRanges) {
  expect_refused({
      {mixtral(R"("num_local_experts": "eight")"),
       "num_local_experts: got the text \"eight\"; expected a whole number from 1 to 65536 [wrong-type]"},
      {mixtral(R"("num_local_experts": "8")"),
       "num_local_experts: got the text \"8\"; expected a whole number from 1 to 65536 [wrong-type]"},
      {mixtral(R"("num_local_experts": 8.5)"),
       "num_local_experts: got 8.5; expected a whole number from 1 to 65536 [wrong-type]"},
      {mixtral(R"("num_local_experts": true)"),
       "num_local_experts: got true; expected a whole number from 1 to 65536 [wrong-type]"},
      {mixtral(R"("num_local_experts": {})"),
       "num_local_experts: got a map; expected a whole number from 1 to 65536 [wrong-type]"},
      {mixtral(R"("hidden_size": -4096)"),
       "hidden_size: got -4096; expected a whole number from 1 to 16777216 [out-of-range]"},
      {mixtral(R"("hidden_size": 18446744073709551615)"),
       "hidden_size: got 18446744073709551615; expected a whole number from 1 to 16777216 [out-of-range]"},
      {mixtral(R"("hidden_size": 1e300)"),
       "hidden_size: got 1e300; expected a whole number from 1 to 16777216 [out-of-range]"},
      {mixtral(R"("num_hidden_layers": 0)"),
       "num_hidden_layers: got 0; expected a whole number from 1 to 4096 [out-of-range]"},
      {mixtral(R"("num_hidden_layers": 1000000)"),
       "num_hidden_layers: got 1000000; expected a whole number from 1 to 4096 [out-of-range]"},
      {mixtral(R"("tie_word_embeddings": 1)"),
       "tie_word_embeddings: got 1; expected true or false [wrong-type]"},
      {mixtral(R"("tie_word_embeddings": "false")"),
       "tie_word_embeddings: got the text \"false\"; expected true or false [wrong-type]"},
      {mixtral(R"("hidden_act": 3)"), "hidden_act: got 3; expected a word in quotes [wrong-type]"},
      {mixtral(R"("hidden_act": "relu")"),
       "hidden_act: got the text \"relu\"; expected silu, swish, gelu_pytorch_tanh or gelu_new "
       "[unknown-choice]"},
      {mixtral(R"("hidden_act": "\u001b[31m")"),
       "hidden_act: got the text \"\\x1b[31m\"; expected silu, swish, gelu_pytorch_tanh or gelu_new "
       "[unknown-choice]"},
  });
}

TEST(HfConfig, RefusesWhatDoesNotFit) {
  expect_refused({
      {mixtral(R"("num_experts_per_tok": 9)"),
       "num_experts_per_tok: got 9; expected a whole number from 1 to 8 [out-of-range]"},
      {mixtral(R"("num_local_experts": 1)"),
       "num_experts_per_tok: missing; expected a whole number from 1 to 1 [missing-key]"},
      {mixtral(R"("num_local_experts": 8, "num_experts": 16)"),
       "num_experts: got 16, but num_local_experts is 8; expected two names of one number to agree "
       "[bad-relation]"},
      {mixtral(R"("num_key_value_heads": 5)"),
       "num_key_value_heads: got 5; expected a divisor of the 32 query heads [not-divisible]"},
      {mixtral(R"("num_attention_heads": 8192)"),
       "num_attention_heads: got 8192; expected at most the width 4096, as there is no head_dim "
       "[bad-relation]"},
      {mixtral(R"("mlp_layer_types": ["sparse"])"),
       "mlp_layer_types: a list of 1; expected a word for each of the 32 layers [wrong-length]"},
      {mixtral(R"("num_hidden_layers": 1, "mlp_layer_types": ["moe"])"),
       "mlp_layer_types[0]: got the text \"moe\"; expected sparse or dense [unknown-choice]"},
      {mixtral(R"("num_hidden_layers": 1, "mlp_layer_types": ["dense"])"),
       "num_hidden_layers: none of the 1 layers has experts; expected at least one [bad-relation]"},
  });
}

TEST(HfConfig, RefusesWhatAFamilyDoesNotHave) {
  expect_refused({
      {of_type("qwen3_moe", R"("mlp_only_layers": [3, -1])"),
       "mlp_only_layers[1]: got -1; expected a whole number from 0 to 4095 [out-of-range]"},
      {of_type("qwen3_moe", R"("mlp_only_layers": 3)"),
       "mlp_only_layers: got 3; expected a list of whole numbers [wrong-type]"},
      {of_type("qwen3_moe", R"("decoder_sparse_step": 0)"),
       "decoder_sparse_step: got 0; expected a whole number from 1 to 4096 [out-of-range]"},
      {of_type("deepseek_v2", R"("num_experts_per_tok": 6, "topk_method": "noaux_tc")"),
       "topk_method: got the text \"noaux_tc\"; expected greedy or group_limited_greedy for deepseek_v2 "
       "[unknown-choice]"},
      {of_type("deepseek_v2", R"("topk_method": "greedy")"),
       "num_experts_per_tok: missing; expected a whole number from 1 to 64 [missing-key]"},
      {of_type("deepseek_v3", R"("scoring_func": "softmax")"),
       "scoring_func: got the text \"softmax\"; expected sigmoid for deepseek_v3 [unknown-choice]"},
      {of_type("deepseek_v3", R"("n_group": 7)"),
       "n_group: got 7; expected a divisor of the 256 experts [not-divisible]"},
      {of_type("deepseek_v3", R"("topk_group": 9)"),
       "topk_group: got 9; expected a whole number from 1 to 8 [out-of-range]"},
      {of_type("deepseek_v3", R"("n_routed_experts": 16, "topk_group": 2)"),
       "topk_group: got 2; expected so many groups of 2 experts that 8 can be chosen [bad-relation]"},
      {of_type("deepseek_v3", R"("n_routed_experts": 8, "num_experts_per_tok": 4)"),
       "n_group: got 8; expected groups of at least 2 experts [bad-relation]"},
      {of_type("deepseek_v3", R"("routed_scaling_factor": 0)"),
       "routed_scaling_factor: got 0; expected a number from 1e-06 to 1000000 [out-of-range]"},
      {of_type("deepseek_v3", R"("first_k_dense_replace": 61)"),
       "num_hidden_layers: none of the 61 layers has experts; expected at least one [bad-relation]"},
      {of_type("deepseek", R"("num_experts_per_tok": 6)"),
       "num_local_experts: missing; expected the number of routed experts, as the default is none "
       "[missing-key]"},
      {of_type("dbrx", R"("ffn_config": 3)"), "ffn_config: got 3; expected an object [wrong-type]"},
      {of_type("dbrx", R"("ffn_config": {"moe_top_k": 5})"),
       "ffn_config.moe_top_k: got 5; expected a whole number from 1 to 4 [out-of-range]"},
      {of_type("dbrx", R"("ffn_config": {"moe_normalize_expert_weights": 2})"),
       "ffn_config.moe_normalize_expert_weights: a norm other than the sum of the weights; expected 1 or "
       "null "
       "[out-of-range]"},
      {of_type("phimoe", R"("num_experts_per_tok": 1)"),
       "num_experts_per_tok: got 1; expected 2 for phimoe [out-of-range]"},
      {of_type("jamba", R"("expert_layer_offset": 2)"),
       "expert_layer_offset: got 2; expected a whole number from 0 to 1 [out-of-range]"},
      {of_type("jamba", R"("num_experts": 1, "num_experts_per_tok": 1)"),
       "num_hidden_layers: none of the 32 layers has experts; expected at least one [bad-relation]"},
      {of_type("longcat_flash", R"("zero_expert_type": "drop")"),
       "zero_expert_type: got the text \"drop\"; expected identity for longcat_flash [unknown-choice]"},
      {of_type("longcat_flash", R"("router_bias": true)"),
       "router_bias: got true; expected false for longcat_flash [unknown-choice]"},
      {of_type("minimax_m2", R"("qk_norm_type": "per_head")"),
       "qk_norm_type: got the text \"per_head\"; expected per_layer for minimax_m2 [unknown-choice]"},
      {of_type("hunyuan", R"("num_experts": 16, "moe_topk": [1, 2])"),
       "moe_topk[1]: got 2, but [0] is 1; expected the same number for all layers [bad-relation]"},
      {of_type("hunyuan", R"("num_experts": [])"),
       "num_experts: an empty list; expected a whole number from 1 to 65536 [wrong-length]"},
      {of_type("qwen3_next", R"("layer_types": ["linear_attention"])"),
       "layer_types: a list of 1; expected a word for each of the 48 layers [wrong-length]"},
      {R"({"model_type": "llama4", "text_config": {"num_local_experts": 0}})",
       "text_config.num_local_experts: got 0; expected a whole number from 1 to 65536 [out-of-range]"},
      {R"({"model_type": "llama4", "text_config": {"moe_layers": [4096]}})",
       "text_config.moe_layers[0]: got 4096; expected a whole number from 0 to 4095 [out-of-range]"},
  });
}

}  // namespace
}  // namespace moesim
