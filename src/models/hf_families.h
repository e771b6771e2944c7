#pragma once
// Private to this room: what each model type's config.json means. One function per architecture; the defaults
// in them are those of the architecture's configuration class (transformers, models/*/configuration_*.py, or
// the checkpoint's own code where transformers has none), the router that of its modeling code.

#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "models/hf_reader.h"
#include "models/model_shape.h"

namespace moesim {

struct HfFamily {
  const char* model_type;
  void (*read)(HfReader& reader, ModelShape& shape);
};

std::span<const HfFamily> softmax_families();   // routed by a softmax over all experts, or over the best
std::span<const HfFamily> deepseek_families();  // DeepSeek and those that took its router
std::span<const HfFamily> other_families();

// What several of them share. 0 in the place of a default: num_kv_heads as num_heads, head_dim d_model /
// num_heads.
struct StackDefaults {
  Index d_model = 0;
  Index num_layers = 0;
  Index num_heads = 0;
  Index num_kv_heads = 0;
  Index head_dim = 0;
  Index vocabulary = 0;
  bool tied = false;
};
// d_model, layers (all of them with experts), vocabulary, and grouped-query attention without biases.
void read_stack(HfReader& reader, ModelShape& shape, const StackDefaults& defaults);

struct ExpertDefaults {
  Index num_experts = 0;
  Index top_k = 0;
  Index width = 0;
  const char* width_key = "expert_width";  // a meaning of HfReader
  bool reads_activation = true;            // false: swiglu, for the caller to change
};
// Experts, top_k and the activation. top_k may not exceed the pool, so copy_experts come first.
void read_experts(HfReader& reader, ModelShape& shape, const ExpertDefaults& defaults);

// Layers that do not pass become dense, and their width is read; a list mlp_layer_types ("sparse" or "dense",
// as transformers 5 writes) decides alone where it is there. Error where no layer has experts.
struct DenseWidth {
  const char* key = "ffn_width";
  Index fallback = 0;
};
void choose_moe_layers(HfReader& reader, ModelShape& shape, const std::function<bool(Index)>& has_experts,
                       DenseWidth width);

// attention_bias of all four projections, as in Llama.
void read_attention_bias(HfReader& reader, ModelShape& shape, bool fallback);

Activation read_activation(HfReader& reader, const std::string& fallback);

// {preset: …, keys}: later keys win over the preset's.
void set_router(const HfReader& reader, ModelShape& shape, const std::string& preset,
                const std::vector<std::pair<std::string, std::string>>& stages);

// Error unless the word is `only`.
void expect_word(HfReader& reader, const char* meaning, const std::string& only);

inline constexpr HfReader::Range kWidths = {1, 1 << 24};
inline constexpr HfReader::Range kWidthsOrNone = {0, 1 << 24};
inline constexpr HfReader::Range kCounts = {1, 65536};
inline constexpr HfReader::Range kCountsOrNone = {0, 65536};
inline constexpr HfReader::Range kLayers = {1, 4096};
// Of lists of layers. Those that the model does not have are ignored: a model cut to its first layers keeps
// the whole list.
inline constexpr HfReader::Range kLayerIndices = {0, 4095};

}  // namespace moesim
