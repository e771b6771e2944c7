#include <fmt/format.h>

#include <algorithm>

#include "config/scalars.h"
#include "models/hf_families.h"

namespace moesim {

void read_stack(HfReader& reader, ModelShape& shape, const StackDefaults& defaults) {
  constexpr HfReader::Range kVocabularies = {1, 1 << 26};
  shape.d_model = reader.whole("d_model", kWidths, defaults.d_model);
  shape.layers.assign(static_cast<std::size_t>(reader.whole("num_layers", kLayers, defaults.num_layers)),
                      StackLayer{});
  shape.vocabulary = reader.whole("vocabulary", kVocabularies, defaults.vocabulary);
  shape.tied_embeddings = reader.flag("tied_embeddings", defaults.tied);
  AttentionShape& attention = shape.attention;
  attention.num_heads = reader.whole("num_heads", kCounts, defaults.num_heads);
  const bool as_queries = defaults.num_kv_heads == 0 || reader.is_null("num_kv_heads");
  attention.num_kv_heads =
      reader.whole("num_kv_heads", kCounts, as_queries ? attention.num_heads : defaults.num_kv_heads);
  if (attention.num_heads % attention.num_kv_heads != 0) {
    reader.refuse(reader.path("num_kv_heads"),
                  {.what = fmt::format("got {}", attention.num_kv_heads),
                   .expected = fmt::format("a divisor of the {} query heads", attention.num_heads),
                   .short_name = "not-divisible"});
  }
  const bool derived = defaults.head_dim == 0 || reader.is_null("head_dim");
  const Index fallback = derived ? shape.d_model / attention.num_heads : defaults.head_dim;  // rounds down
  if (fallback == 0 && !reader.has("head_dim")) {
    reader.refuse(reader.path("num_heads"),
                  {.what = fmt::format("got {}", attention.num_heads),
                   .expected = fmt::format("at most the width {}, as there is no head_dim", shape.d_model),
                   .short_name = "bad-relation"});
  }
  attention.head_dim = reader.whole("head_dim", kCounts, fallback);
  shape.moe.num_layers = 1;
  shape.moe.d_model = shape.d_model;
  shape.moe.num_shared_experts = 0;
}

Activation read_activation(HfReader& reader, const std::string& fallback) {
  const std::string word = reader.word("activation", fallback);
  if (word == "silu" || word == "swish") {
    return Activation::swiglu;
  }
  if (word == "gelu_pytorch_tanh" || word == "gelu_new") {
    return Activation::geglu;
  }
  reader.refuse(reader.path("activation"), {.what = "got the text \"" + shorten(word) + "\"",
                                            .expected = "silu, swish, gelu_pytorch_tanh or gelu_new",
                                            .short_name = "unknown-choice"});
}

void read_experts(HfReader& reader, ModelShape& shape, const ExpertDefaults& defaults) {
  shape.moe.num_experts = reader.uniform_whole("num_experts", kCounts, defaults.num_experts);
  const Index pool = shape.moe.pool_size();
  if (!reader.has("top_k") && (defaults.top_k == 0 || defaults.top_k > pool)) {
    reader.refuse(reader.path("top_k"), {.what = "missing",
                                         .expected = fmt::format("a whole number from 1 to {}", pool),
                                         .short_name = "missing-key"});
  }
  shape.top_k = reader.uniform_whole("top_k", {1, pool}, defaults.top_k);
  shape.moe.d_ff = reader.uniform_whole(defaults.width_key, kWidths, defaults.width);
  shape.moe.activation = defaults.reads_activation ? read_activation(reader, "silu") : Activation::swiglu;
  shape.dense_activation = shape.moe.activation;
}

void choose_moe_layers(HfReader& reader, ModelShape& shape, const std::function<bool(Index)>& has_experts,
                       DenseWidth width) {
  const std::optional<std::vector<std::string>> types = reader.word_list("mlp_layer_types");
  if (types && types->size() != shape.layers.size()) {
    reader.refuse(reader.path("mlp_layer_types"),
                  {.what = fmt::format("a list of {}", types->size()),
                   .expected = fmt::format("a word for each of the {} layers", shape.layers.size()),
                   .short_name = "wrong-length"});
  }
  bool any_dense = false;
  for (std::size_t i = 0; i < shape.layers.size(); ++i) {
    StackLayer& layer = shape.layers[i];
    if (types && (*types)[i] != "sparse" && (*types)[i] != "dense") {
      reader.refuse(fmt::format("{}[{}]", reader.path("mlp_layer_types"), i),
                    {.what = "got the text \"" + shorten((*types)[i]) + "\"",
                     .expected = "sparse or dense",
                     .short_name = "unknown-choice"});
    }
    layer.moe = types ? (*types)[i] == "sparse" : has_experts(static_cast<Index>(i));
    layer.dense_ffns = layer.moe ? 0 : 1;
    any_dense = any_dense || !layer.moe;
  }
  if (shape.num_moe_layers() == 0) {
    reader.refuse(reader.path("num_layers"),
                  {.what = fmt::format("none of the {} layers has experts", shape.layers.size()),
                   .expected = "at least one",
                   .short_name = "bad-relation"});
  }
  if (any_dense) {
    shape.dense_width = reader.whole(width.key, kWidths, width.fallback);
  }
}

void read_attention_bias(HfReader& reader, ModelShape& shape, bool fallback) {
  shape.attention.qkv_bias = reader.flag("attention_bias", fallback);
  shape.attention.output_bias = shape.attention.qkv_bias;
}

void set_router(const HfReader& reader, ModelShape& shape, const std::string& preset,
                const std::vector<std::pair<std::string, std::string>>& stages) {
  std::vector<std::pair<std::string, std::string>> section = {{"preset", preset},
                                                              {"top_k", std::to_string(shape.top_k)}};
  section.insert(section.end(), stages.begin(), stages.end());
  shape.router = scalar_section(section);
  shape.router.where.source = reader.where();
  for (Node::Entry& entry : shape.router.entries) {
    entry.where.source = reader.where();
    entry.value.where.source = reader.where();
  }
}

void expect_word(HfReader& reader, const char* meaning, const std::string& only) {
  const std::string word = reader.word(meaning, only);
  if (word != only) {
    reader.refuse(reader.path(meaning), {.what = "got the text \"" + shorten(word) + "\"",
                                         .expected = only + " for " + reader.family(),
                                         .short_name = "unknown-choice"});
  }
}

}  // namespace moesim
