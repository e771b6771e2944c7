// Families routed by a softmax over all experts whose best are taken, with or without dividing their weights
// by their sum.

#include <algorithm>

#include "models/hf_families.h"

namespace moesim {
namespace {

const char* text_of(bool value) {
  return value ? "true" : "false";
}

// transformers, models/mixtral: weights are always divided by their sum.
void read_mixtral(HfReader& reader, ModelShape& shape) {
  read_stack(reader, shape,
             {.d_model = 4096, .num_layers = 32, .num_heads = 32, .num_kv_heads = 8, .vocabulary = 32000});
  read_experts(reader, shape, {.num_experts = 8, .top_k = 2, .width = 14336, .width_key = "ffn_width"});
  choose_moe_layers(reader, shape, [](Index) { return true; }, {.fallback = 14336});
  set_router(reader, shape, "mixtral", {});
}

// decoder_sparse_step and mlp_only_layers, as in transformers, models/qwen2_moe/modeling_qwen2_moe.py.
void choose_qwen_layers(HfReader& reader, ModelShape& shape, Index dense_width) {
  const std::int64_t step = reader.whole("decoder_sparse_step", {1, 4096}, 1);
  const std::vector<std::int64_t> dense =
      reader.whole_list("mlp_only_layers", {0, shape.num_layers() - 1}).value_or(std::vector<std::int64_t>());
  choose_moe_layers(
      reader, shape,
      [&](Index i) { return (i + 1) % step == 0 && std::find(dense.begin(), dense.end(), i) == dense.end(); },
      {.fallback = dense_width});
}

void read_qwen2_moe(HfReader& reader, ModelShape& shape) {
  read_stack(reader, shape,
             {.d_model = 2048, .num_layers = 24, .num_heads = 16, .num_kv_heads = 16, .vocabulary = 151936});
  shape.attention.qkv_bias = reader.flag("qkv_bias", true);
  read_experts(reader, shape, {.num_experts = 60, .top_k = 4, .width = 1408});
  shape.moe.shared_width = reader.whole("shared_width", kWidths, 5632);
  shape.moe.shared_kind = SharedKind::gated;
  choose_qwen_layers(reader, shape, 5632);
  set_router(reader, shape, "qwen2_moe", {{"route_norm", text_of(reader.flag("route_norm", false))}});
}

void read_qwen3_moe(HfReader& reader, ModelShape& shape) {
  read_stack(reader, shape,
             {.d_model = 2048, .num_layers = 24, .num_heads = 32, .num_kv_heads = 4, .vocabulary = 151936});
  read_attention_bias(reader, shape, false);
  shape.attention.qk_norm = QkNorm::per_head;
  read_experts(reader, shape, {.num_experts = 128, .top_k = 8, .width = 768});
  choose_qwen_layers(reader, shape, 6144);
  set_router(reader, shape, "qwen3_moe", {{"route_norm", text_of(reader.flag("route_norm", false))}});
}

// Every full_attention_interval-th layer has attention, unless layer_types says otherwise.
void choose_qwen3_next_mixers(HfReader& reader, ModelShape& shape) {
  const std::int64_t interval = reader.whole("full_attention_interval", kLayers, 4);
  const std::optional<std::vector<std::string>> types = reader.word_list("layer_types");
  if (types && types->size() != shape.layers.size()) {
    reader.refuse(reader.path("layer_types"),
                  {.what = "a list of " + std::to_string(types->size()),
                   .expected = "a word for each of the " + std::to_string(shape.layers.size()) + " layers",
                   .short_name = "wrong-length"});
  }
  for (std::size_t i = 0; i < shape.layers.size(); ++i) {
    const bool attention = types ? (*types)[i] == "full_attention" || (*types)[i] == "attention"
                                 : (static_cast<std::int64_t>(i) + 1) % interval == 0;
    shape.layers[i].mixer = attention ? Mixer::attention : Mixer::delta_net;
  }
}

void read_qwen3_next(HfReader& reader, ModelShape& shape) {
  read_stack(reader, shape,
             {.d_model = 2048,
              .num_layers = 48,
              .num_heads = 16,
              .num_kv_heads = 2,
              .head_dim = 256,
              .vocabulary = 151936});
  read_attention_bias(reader, shape, false);
  shape.attention.qk_norm = QkNorm::per_head;
  shape.attention.output_gate = true;
  shape.delta_net = {.num_key_heads = reader.whole("linear_num_key_heads", kCounts, 16),
                     .num_value_heads = reader.whole("linear_num_value_heads", kCounts, 32),
                     .key_dim = reader.whole("linear_key_head_dim", kCounts, 128),
                     .value_dim = reader.whole("linear_value_head_dim", kCounts, 128),
                     .conv = reader.whole("linear_conv_kernel_dim", kCounts, 4)};
  choose_qwen3_next_mixers(reader, shape);
  read_experts(reader, shape, {.num_experts = 512, .top_k = 10, .width = 512});
  shape.moe.shared_width = reader.whole("shared_width", kWidths, 512);
  shape.moe.shared_kind = SharedKind::gated;
  choose_qwen_layers(reader, shape, 5632);
  set_router(reader, shape, "qwen3_moe", {{"route_norm", text_of(reader.flag("route_norm", true))}});
}

void read_olmoe(HfReader& reader, ModelShape& shape) {
  read_stack(reader, shape, {.d_model = 2048, .num_layers = 16, .num_heads = 16, .vocabulary = 50304});
  read_attention_bias(reader, shape, false);
  shape.attention.qk_norm = QkNorm::full_projection;
  read_experts(reader, shape, {.num_experts = 64, .top_k = 8, .width = 2048, .width_key = "ffn_width"});
  choose_moe_layers(reader, shape, [](Index) { return true; }, {.fallback = 2048});
  set_router(reader, shape, "olmoe", {{"route_norm", text_of(reader.flag("route_norm", false))}});
}

// moe_normalize_expert_weights is the p of a norm that divides the weights; null leaves them as they are.
void read_dbrx(HfReader& reader, ModelShape& shape) {
  read_stack(reader, shape,
             {.d_model = 2048, .num_layers = 24, .num_heads = 16, .num_kv_heads = 1, .vocabulary = 32000});
  read_experts(reader, shape, {.num_experts = 4, .top_k = 1, .width = 3584});
  choose_moe_layers(reader, shape, [](Index) { return true; }, {.fallback = 3584});
  const bool norm = !reader.is_null("weight_norm");
  if (norm && reader.real("weight_norm", 0.0, 1e6, 1.0) != 1.0) {
    reader.refuse(reader.path("weight_norm"), {.what = "a norm other than the sum of the weights",
                                               .expected = "1 or null",
                                               .short_name = "out-of-range"});
  }
  set_router(reader, shape, "dbrx", {{"route_norm", text_of(norm)}});
}

// Layer i has experts where i % expert_layer_period is expert_layer_offset, attention where the same holds of
// attn_layer_*; else Mamba. Weights are those of a softmax over all experts, not renormalised.
void read_jamba(HfReader& reader, ModelShape& shape) {
  read_stack(reader, shape,
             {.d_model = 4096, .num_layers = 32, .num_heads = 32, .num_kv_heads = 8, .vocabulary = 65536});
  read_experts(reader, shape, {.num_experts = 16, .top_k = 2, .width = 14336, .width_key = "ffn_width"});
  const std::int64_t expert_period = reader.whole("expert_layer_period", kLayers, 2);
  const std::int64_t expert_offset = reader.whole("expert_layer_offset", {0, expert_period - 1}, 1);
  const std::int64_t attention_period = reader.whole("attn_layer_period", kLayers, 8);
  const std::int64_t attention_offset = reader.whole("attn_layer_offset", {0, attention_period - 1}, 4);
  for (Index i = 0; i < shape.num_layers(); ++i) {
    shape.layers[static_cast<std::size_t>(i)].mixer =
        i % attention_period == attention_offset ? Mixer::attention : Mixer::mamba;
  }
  const bool experts = shape.moe.num_experts > 1;  // one expert is a dense layer there
  choose_moe_layers(reader, shape, [&](Index i) { return experts && i % expert_period == expert_offset; },
                    {.fallback = 14336});
  shape.mamba = {.inner_width = shape.d_model * reader.whole("mamba_expand", {1, 64}, 2),
                 .state = reader.whole("mamba_d_state", kCounts, 16),
                 .conv = reader.whole("mamba_d_conv", kCounts, 4),
                 .conv_bias = reader.flag("mamba_conv_bias", true),
                 .projection_bias = reader.flag("mamba_proj_bias", false)};
  constexpr Index kWidthPerRank = 16;  // mamba_dt_rank "auto"
  const Index automatic = (shape.d_model + kWidthPerRank - 1) / kWidthPerRank;
  shape.mamba.dt_rank =
      reader.is_word("mamba_dt_rank", "auto") ? automatic : reader.whole("mamba_dt_rank", kWidths, automatic);
  set_router(reader, shape, "jamba", {});
}

// Softmax over the best logits. transformers, models/granitemoe and granitemoeshared.
void read_granite_moe(HfReader& reader, ModelShape& shape) {
  read_stack(reader, shape, {.d_model = 4096, .num_layers = 32, .num_heads = 32, .vocabulary = 32000});
  read_attention_bias(reader, shape, false);
  read_experts(reader, shape, {.num_experts = 8, .top_k = 2, .width = 11008, .width_key = "ffn_width"});
  choose_moe_layers(reader, shape, [](Index) { return true; }, {.fallback = 11008});
  set_router(reader, shape, "granite_moe", {});
}

void read_granite_moe_shared(HfReader& reader, ModelShape& shape) {
  read_granite_moe(reader, shape);
  shape.moe.shared_width = reader.whole("shared_width", kWidthsOrNone, 0);
}

// The code that came with the weights' conversion (num_experts 8, softmax over all, best 2 as they are).
void read_grok1(HfReader& reader, ModelShape& shape) {
  read_stack(reader, shape,
             {.d_model = 4096,
              .num_layers = 32,
              .num_heads = 32,
              .num_kv_heads = 32,
              .vocabulary = 32000,
              .tied = true});
  read_experts(
      reader, shape,
      {.num_experts = 8, .top_k = 2, .width = 32768, .width_key = "ffn_width", .reads_activation = false});
  shape.moe.activation = Activation::geglu;  // its code has no other, whatever hidden_act says
  choose_moe_layers(reader, shape, [](Index) { return true; }, {.fallback = 32768});
  for (StackLayer& layer : shape.layers) {
    layer.norms = 4;
  }
  set_router(reader, shape, "grok1", {});
}

// Hunyuan-Large and Hunyuan-A13B with their own code ("hunyuan"), A13B in transformers ("hunyuan_v1_moe"):
// the latter always has a shared expert and norms of queries and keys.
void read_hunyuan_of(HfReader& reader, ModelShape& shape, bool own_code) {
  read_stack(reader, shape, {.d_model = 4096, .num_layers = 32, .num_heads = 32, .vocabulary = 290943});
  read_attention_bias(reader, shape, false);
  const bool qk_norm = reader.flag("use_qk_norm", !own_code) || !own_code;
  shape.attention.qk_norm = qk_norm ? QkNorm::per_head : QkNorm::none;
  read_experts(reader, shape, {.num_experts = 1, .top_k = 1, .width = 11008, .width_key = "ffn_width"});
  choose_moe_layers(reader, shape, [](Index) { return true; }, {.fallback = 11008});
  if (reader.flag("use_cla", false) && own_code) {
    const std::int64_t factor = reader.whole("cla_share_factor", kLayers, 1);
    for (Index i = 0; i < shape.num_layers(); ++i) {
      shape.layers[static_cast<std::size_t>(i)].owns_kv = i % factor == 0;
    }
  }
  const bool shared = !own_code || reader.flag("use_mixed_mlp_moe", false);
  const Index experts = own_code ? reader.uniform_whole("num_shared_experts", kCountsOrNone, 1) : 1;
  shape.moe.shared_width = shared ? experts * shape.moe.d_ff : 0;
  const bool one = shape.top_k == 1;  // then the weight stays as it is
  set_router(reader, shape, one ? "hunyuan_large" : "hunyuan_a13b", {{"route_norm", text_of(!one)}});
}

void read_hunyuan(HfReader& reader, ModelShape& shape) {
  read_hunyuan_of(reader, shape, true);
}

void read_hunyuan_v1_moe(HfReader& reader, ModelShape& shape) {
  read_hunyuan_of(reader, shape, false);
}

constexpr HfFamily kFamilies[] = {
    {"mixtral", read_mixtral},
    {"qwen2_moe", read_qwen2_moe},
    {"qwen3_moe", read_qwen3_moe},
    {"qwen3_next", read_qwen3_next},
    {"olmoe", read_olmoe},
    {"dbrx", read_dbrx},
    {"jamba", read_jamba},
    {"granitemoe", read_granite_moe},
    {"granitemoeshared", read_granite_moe_shared},
    {"grok-1", read_grok1},
    {"hunyuan", read_hunyuan},
    {"hunyuan_v1_moe", read_hunyuan_v1_moe},
};

}  // namespace

std::span<const HfFamily> softmax_families() {
  return kFamilies;
}

}  // namespace moesim
