// Families whose experts or routers differ from the rest: gpt-oss, Llama-4, Phi-3.5, ERNIE-4.5, MiniMax-M2.

#include <algorithm>

#include "config/scalars.h"
#include "models/hf_families.h"

namespace moesim {
namespace {

// transformers, models/gpt_oss: a bias in every product, gate included; a softmax over the best logits;
// activation as in ClampedSwiglu.
void read_gpt_oss(HfReader& reader, ModelShape& shape) {
  read_stack(reader, shape,
             {.d_model = 2880,
              .num_layers = 36,
              .num_heads = 64,
              .num_kv_heads = 8,
              .head_dim = 64,
              .vocabulary = 201088});
  read_attention_bias(reader, shape, true);
  shape.attention.sinks = true;
  read_experts(reader, shape, {.num_experts = 128, .top_k = 4, .width = 2880, .width_key = "ffn_width"});
  choose_moe_layers(reader, shape, [](Index) { return true; }, {.fallback = 2880});
  shape.clamp = {.limit = reader.real("swiglu_limit", 1e-6, 1e6, 7.0),
                 .alpha = reader.real("swiglu_alpha", 1e-6, 1e6, 1.702)};
  shape.expert_bias = true;
  shape.gate_bias = true;
  set_router(reader, shape, "gpt_oss", {});
}

// transformers, models/llama4: the sigmoid of the best logit multiplies the expert's input; one shared expert
// of the experts' width. Its norms of queries and keys have no weights.
void read_llama4(HfReader& reader, ModelShape& shape) {
  read_stack(reader, shape,
             {.d_model = 5120,
              .num_layers = 48,
              .num_heads = 40,
              .num_kv_heads = 8,
              .head_dim = 128,
              .vocabulary = 202048});
  read_attention_bias(reader, shape, false);
  read_experts(reader, shape, {.num_experts = 16, .top_k = 1, .width = 8192, .width_key = "ffn_width"});
  shape.moe.shared_width = shape.moe.d_ff;
  const std::int64_t step = reader.whole("interleave_moe_layer_step", kLayers, 1);
  const std::optional<std::vector<std::int64_t>> listed = reader.whole_list("moe_layers", kLayerIndices);
  choose_moe_layers(reader, shape,
                    [&](Index i) {
                      return listed ? std::find(listed->begin(), listed->end(), i) != listed->end()
                                    : (i + 1) % step == 0;
                    },
                    {.key = "dense_width", .fallback = 16384});
  set_router(reader, shape, "llama4", {});
}

// transformers, models/phimoe: SparseMixer, which takes two experts; LayerNorm with a bias.
void read_phimoe(HfReader& reader, ModelShape& shape) {
  read_stack(reader, shape,
             {.d_model = 4096, .num_layers = 32, .num_heads = 32, .num_kv_heads = 8, .vocabulary = 32064});
  read_attention_bias(reader, shape, false);
  shape.head_bias = reader.flag("head_bias", false);
  shape.norm_bias = true;
  read_experts(reader, shape, {.num_experts = 16, .top_k = 2, .width = 6400, .width_key = "ffn_width"});
  if (shape.top_k != 2) {
    reader.refuse(reader.path("top_k"), {.what = "got " + std::to_string(shape.top_k),
                                         .expected = "2 for phimoe",
                                         .short_name = "out-of-range"});
  }
  choose_moe_layers(reader, shape, [](Index) { return true; }, {.fallback = 6400});
  set_router(reader, shape, "phi35_moe",
             {{"jitter_eps", print_real(reader.real("jitter_eps", 0.0, 1.0, 0.01))}});
}

// transformers, models/ernie4_5_moe: experts in layers start … end (−1: the last) whose number, from 1, the
// interval divides.
void read_ernie(HfReader& reader, ModelShape& shape) {
  read_stack(reader, shape,
             {.d_model = 2560,
              .num_layers = 28,
              .num_heads = 20,
              .num_kv_heads = 4,
              .vocabulary = 103424,
              .tied = true});
  const bool bias = reader.flag("use_bias", false);
  shape.attention.qkv_bias = bias;
  shape.attention.output_bias = bias;
  shape.head_bias = bias;
  shape.expert_bias = bias;
  read_experts(reader, shape, {.num_experts = 64, .top_k = 6, .width = 1536});
  const Index shared =
      reader.is_null("num_shared_experts") ? 0 : reader.whole("num_shared_experts", kCountsOrNone, 2);
  shape.moe.shared_width = shared * shape.moe.d_ff;
  const std::int64_t first = reader.whole("moe_layer_start_index", {0, 4096}, 1);
  const std::int64_t end = reader.whole("moe_layer_end_index", {-1, 4096}, -1);
  const std::int64_t last = end == -1 ? shape.num_layers() - 1 : end;
  const std::int64_t interval = reader.whole("moe_layer_interval", kLayers, 1);
  choose_moe_layers(reader, shape,
                    [&](Index i) { return (i + 1) % interval == 0 && i >= first && i <= last; },
                    {.fallback = 12288});
  shape.selection_bias = true;
  set_router(reader, shape, "ernie45", {{"norm_eps", print_real(reader.real("norm_eps", 0.0, 1.0, 1e-12))}});
}

// transformers, models/minimax_m2: sigmoid plus selection bias, renormalised without an epsilon.
void read_minimax_m2(HfReader& reader, ModelShape& shape) {
  read_stack(reader, shape,
             {.d_model = 3072,
              .num_layers = 62,
              .num_heads = 48,
              .num_kv_heads = 8,
              .head_dim = 128,
              .vocabulary = 200064});
  shape.attention.qk_norm = reader.flag("use_qk_norm", true) ? QkNorm::full_projection : QkNorm::none;
  expect_word(reader, "qk_norm_type", "per_layer");
  read_experts(reader, shape, {.num_experts = 256, .top_k = 8, .width = 1536, .width_key = "ffn_width"});
  expect_word(reader, "score_func", "sigmoid");
  shape.moe.shared_width = reader.whole("shared_width", kWidthsOrNone, 0);
  choose_moe_layers(reader, shape, [](Index) { return true; }, {.fallback = 1536});
  shape.selection_bias = true;
  set_router(reader, shape, "minimax_m2", {});
}

constexpr HfFamily kFamilies[] = {
    {"gpt_oss", read_gpt_oss}, {"llama4_text", read_llama4}, {"llama4", read_llama4},
    {"phimoe", read_phimoe},   {"ernie4_5_moe", read_ernie}, {"minimax_m2", read_minimax_m2},
};

}  // namespace

std::span<const HfFamily> other_families() {
  return kFamilies;
}

}  // namespace moesim
