#include "models/hf_keys.h"

#include <string_view>

namespace moesim {
namespace {

struct Alias {
  std::string_view meaning;
  std::vector<const char*> keys;  // in order of preference; a dot enters an object
};

// Every meaning that has more than one spelling, or another key than its name. transformers 5 saves some keys
// under a second name (its attribute maps); both may be there and must then agree.
const std::vector<Alias>& aliases() {
  static const std::vector<Alias> list = {
      {"d_model", {"hidden_size", "d_model"}},
      {"num_layers", {"num_hidden_layers", "n_layers"}},
      {"double_layers", {"num_layers"}},
      {"num_heads", {"num_attention_heads", "n_heads"}},
      {"num_kv_heads", {"num_key_value_heads", "attn_config.kv_n_heads"}},
      {"head_dim", {"head_dim", "attention_head_dim"}},
      {"num_experts",
       {"num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts",
        "ffn_config.moe_num_experts"}},
      {"top_k", {"num_experts_per_tok", "moe_topk", "moe_k", "experts_per_token", "ffn_config.moe_top_k"}},
      {"expert_width", {"moe_intermediate_size", "expert_ffn_hidden_size", "ffn_config.ffn_hidden_size"}},
      {"ffn_width", {"intermediate_size", "ffn_hidden_size"}},
      {"dense_width", {"intermediate_size_mlp"}},
      {"num_shared_experts", {"n_shared_experts", "moe_num_shared_experts", "num_shared_expert"}},
      {"shared_width", {"shared_expert_intermediate_size", "shared_intermediate_size"}},
      {"copy_experts", {"zero_expert_num"}},
      {"dense_first", {"first_k_dense_replace"}},
      {"moe_every", {"moe_layer_freq"}},
      {"route_norm", {"norm_topk_prob"}},
      {"route_scale", {"routed_scaling_factor"}},
      {"score_func", {"scoring_func"}},
      {"num_expert_groups", {"n_group"}},
      {"num_limited_groups", {"topk_group"}},
      {"activation", {"hidden_act", "hidden_activation", "ffn_config.ffn_act_fn.name"}},
      {"vocabulary", {"vocab_size"}},
      {"tied_embeddings", {"tie_word_embeddings"}},
      {"head_bias", {"lm_head_bias"}},
      {"q_rank", {"q_lora_rank"}},
      {"kv_rank", {"kv_lora_rank"}},
      {"nope_dim", {"qk_nope_head_dim"}},
      {"rope_dim", {"qk_rope_head_dim"}},
      {"value_dim", {"v_head_dim"}},
      {"norm_eps", {"moe_norm_min"}},
      {"jitter_eps", {"router_jitter_noise"}},
      {"weight_norm", {"ffn_config.moe_normalize_expert_weights"}},
  };
  return list;
}

}  // namespace

std::vector<std::string> hf_keys(const char* meaning) {
  for (const Alias& alias : aliases()) {
    if (alias.meaning == meaning) {
      return {alias.keys.begin(), alias.keys.end()};
    }
  }
  return {meaning};
}

}  // namespace moesim
