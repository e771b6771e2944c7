// DeepSeek's three generations, and those that took the router of the third: sigmoid scores, a selection
// bias, groups of experts. Shared experts are one FFN of their summed width.

#include <fmt/format.h>

#include "config/scalars.h"
#include "models/hf_families.h"

namespace moesim {
namespace {

using Stages = std::vector<std::pair<std::string, std::string>>;

const char* text_of(bool value) {
  return value ? "true" : "false";
}

struct Groups {
  Index count = 1;
  Index kept = 1;
};

// n_group and topk_group; `largest` says that a group is judged by its two best, so that it needs two.
Groups read_groups(HfReader& reader, const ModelShape& shape, Groups defaults, bool judged_by_two) {
  const auto fallback = [&](const char* meaning, Index value) {
    return reader.is_null(meaning) ? Index{1} : value;
  };
  Groups groups{};
  groups.count = reader.whole("num_expert_groups", kCounts, fallback("num_expert_groups", defaults.count));
  const std::string path = reader.path("num_expert_groups");
  if (shape.moe.num_experts % groups.count != 0) {
    reader.refuse(path, {.what = fmt::format("got {}", groups.count),
                         .expected = fmt::format("a divisor of the {} experts", shape.moe.num_experts),
                         .short_name = "not-divisible"});
  }
  const Index kept = fallback("num_limited_groups", defaults.kept);
  groups.kept = reader.whole("num_limited_groups", {1, groups.count}, kept);
  const Index size = shape.moe.num_experts / groups.count;
  if (groups.kept < groups.count && shape.top_k > groups.kept * size) {
    reader.refuse(
        reader.path("num_limited_groups"),
        {.what = fmt::format("got {}", groups.kept),
         .expected = fmt::format("so many groups of {} experts that {} can be chosen", size, shape.top_k),
         .short_name = "bad-relation"});
  }
  if (judged_by_two && groups.kept < groups.count && size < 2) {
    reader.refuse(path, {.what = fmt::format("got {}", groups.count),
                         .expected = "groups of at least 2 experts",
                         .short_name = "bad-relation"});
  }
  return groups;
}

void add_groups(Stages& stages, Groups groups) {
  stages.emplace_back("num_expert_groups", std::to_string(groups.count));
  stages.emplace_back("num_limited_groups", std::to_string(groups.kept));
}

void read_latent_attention(HfReader& reader, ModelShape& shape) {
  AttentionShape& attention = shape.attention;
  attention.q_rank = reader.is_null("q_rank") ? 0 : reader.whole("q_rank", kWidths, 1536);
  attention.kv_rank = reader.whole("kv_rank", kWidths, 512);
  attention.nope_dim = reader.whole("nope_dim", kCounts, 128);
  attention.rope_dim = reader.whole("rope_dim", kCounts, 64);
  attention.value_dim = reader.whole("value_dim", kCounts, 128);
}

void read_shared_experts(HfReader& reader, ModelShape& shape, Index fallback) {
  const Index shared =
      reader.is_null("num_shared_experts") ? 0 : reader.whole("num_shared_experts", kCountsOrNone, fallback);
  shape.moe.shared_width = shared * shape.moe.d_ff;
}

// The first layers are dense, and of the others those whose index moe_layer_freq does not divide.
void choose_layers(HfReader& reader, ModelShape& shape, Index dense_first, Index dense_width) {
  const std::int64_t first = reader.whole("dense_first", {0, 4096}, dense_first);
  const std::int64_t every = reader.whole("moe_every", {1, 4096}, 1);
  choose_moe_layers(reader, shape, [&](Index i) { return i >= first && i % every == 0; },
                    {.fallback = dense_width});
}

// DeepSeekMoE-16B's own code. A single expert's weight is not divided.
void read_deepseek(HfReader& reader, ModelShape& shape) {
  read_stack(reader, shape,
             {.d_model = 4096, .num_layers = 30, .num_heads = 32, .num_kv_heads = 32, .vocabulary = 102400});
  read_attention_bias(reader, shape, false);
  if (!reader.has("num_experts")) {
    reader.refuse(reader.path("num_experts"),
                  {.what = "missing",
                   .expected = "the number of routed experts, as the default is none",
                   .short_name = "missing-key"});
  }
  read_experts(reader, shape, {.width = 1407});
  expect_word(reader, "score_func", "softmax");
  read_shared_experts(reader, shape, 0);
  choose_layers(reader, shape, 0, 11008);
  const bool norm = reader.flag("route_norm", false);
  set_router(reader, shape, "deepseek_moe_16b",
             norm ? Stages{{"route_norm", "true"}, {"norm_eps", "1e-20"}, {"norm_single", "false"}}
                  : Stages{{"route_norm", "false"}});
}

// transformers, models/deepseek_v2: weights are never divided by their sum, whatever norm_topk_prob says.
void read_deepseek_v2(HfReader& reader, ModelShape& shape) {
  read_stack(reader, shape, {.d_model = 4096, .num_layers = 32, .num_heads = 32, .vocabulary = 32000});
  read_attention_bias(reader, shape, false);
  read_latent_attention(reader, shape);
  read_experts(reader, shape, {.num_experts = 64, .width = 1407});
  expect_word(reader, "score_func", "softmax");
  read_shared_experts(reader, shape, 2);
  choose_layers(reader, shape, 0, 11008);
  const std::string method = reader.word("topk_method", "greedy");
  if (method != "greedy" && method != "group_limited_greedy") {
    reader.refuse(reader.path("topk_method"),
                  {.what = "got the text \"" + shorten(method) + "\"",
                   .expected = "greedy or group_limited_greedy for " + reader.family(),
                   .short_name = "unknown-choice"});
  }
  Stages stages = {{"route_scale", print_real(reader.real("route_scale", 1e-6, 1e6, 1.0))}};
  if (method == "group_limited_greedy") {
    add_groups(stages, read_groups(reader, shape, {}, false));
  }
  set_router(reader, shape, method == "greedy" ? "deepseek_v2_lite" : "deepseek_v2", stages);
}

struct SigmoidDefaults {
  const char* preset = "deepseek_v3";
  Groups groups{};
  double scale = 1.0;
};

// transformers, models/deepseek_v3: sigmoid, groups judged by the sum of their two best, 1e-20 in the sum.
void set_sigmoid_router(HfReader& reader, ModelShape& shape, const SigmoidDefaults& defaults) {
  expect_word(reader, "score_func", "sigmoid");
  expect_word(reader, "topk_method", "noaux_tc");
  Stages stages;
  add_groups(stages, read_groups(reader, shape, defaults.groups, true));
  stages.emplace_back("route_norm", text_of(reader.flag("route_norm", true)));
  stages.emplace_back("route_scale", print_real(reader.real("route_scale", 1e-6, 1e6, defaults.scale)));
  stages.emplace_back("group_score", "sum_top_2");
  shape.selection_bias = true;
  set_router(reader, shape, defaults.preset, stages);
}

void read_deepseek_v3_of(HfReader& reader, ModelShape& shape, const char* preset) {
  read_stack(
      reader, shape,
      {.d_model = 7168, .num_layers = 61, .num_heads = 128, .num_kv_heads = 128, .vocabulary = 129280});
  read_attention_bias(reader, shape, false);
  read_latent_attention(reader, shape);
  read_experts(reader, shape, {.num_experts = 256, .top_k = 8, .width = 2048});
  read_shared_experts(reader, shape, 1);
  choose_layers(reader, shape, 3, 18432);
  set_sigmoid_router(reader, shape, {.preset = preset, .groups = {8, 4}, .scale = 2.5});
}

void read_deepseek_v3(HfReader& reader, ModelShape& shape) {
  read_deepseek_v3_of(reader, shape, "deepseek_v3");
}

void read_kimi_k2(HfReader& reader, ModelShape& shape) {
  read_deepseek_v3_of(reader, shape, "kimi_k2");
}

void read_glm4_moe(HfReader& reader, ModelShape& shape) {
  read_stack(reader, shape,
             {.d_model = 4096, .num_layers = 46, .num_heads = 96, .num_kv_heads = 8, .vocabulary = 151552});
  shape.attention.qkv_bias = reader.flag("attention_bias", false);
  shape.attention.qk_norm = reader.flag("use_qk_norm", false) ? QkNorm::per_head : QkNorm::none;
  read_experts(reader, shape, {.num_experts = 128, .top_k = 8, .width = 1408});
  read_shared_experts(reader, shape, 1);
  choose_layers(reader, shape, 1, 10944);
  set_sigmoid_router(reader, shape, {.preset = "glm45"});
}

// transformers, models/longcat_flash: each of num_layers layers has two attentions and two dense FFNs beside
// the experts; the last zero_expert_num of the pool return their input.
void read_longcat_flash(HfReader& reader, ModelShape& shape) {
  const Index layers = reader.whole("double_layers", kLayers, 28);
  read_stack(reader, shape,
             {.d_model = 6144, .num_layers = 56, .num_heads = 64, .head_dim = 64, .vocabulary = 131072});
  shape.layers.assign(static_cast<std::size_t>(layers),
                      {.mixers = 2, .moe = true, .dense_ffns = 2, .norms = 4, .kv_caches = 2});
  read_attention_bias(reader, shape, false);
  read_latent_attention(reader, shape);
  shape.moe.copy_experts =
      reader.is_null("copy_experts") ? 0 : reader.whole("copy_experts", kCountsOrNone, 256);
  read_experts(reader, shape, {.num_experts = 512, .top_k = 12, .width = 2048});
  expect_word(reader, "zero_expert_type", "identity");
  shape.dense_width = reader.whole("ffn_width", kWidths, 12288);
  for (const char* unsupported : {"router_bias", "norm_topk_prob"}) {
    if (reader.flag(unsupported, false)) {
      reader.refuse(
          reader.path(unsupported),
          {.what = "got true", .expected = "false for longcat_flash", .short_name = "unknown-choice"});
    }
  }
  shape.selection_bias = true;
  set_router(reader, shape, "longcat_flash",
             {{"route_scale", print_real(reader.real("route_scale", 1e-6, 1e6, 6.0))}});
}

constexpr HfFamily kFamilies[] = {
    {"deepseek", read_deepseek}, {"deepseek_v2", read_deepseek_v2}, {"deepseek_v3", read_deepseek_v3},
    {"kimi_k2", read_kimi_k2},   {"glm4_moe", read_glm4_moe},       {"longcat_flash", read_longcat_flash},
};

}  // namespace

std::span<const HfFamily> deepseek_families() {
  return kFamilies;
}

}  // namespace moesim
