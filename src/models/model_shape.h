#pragma once
// A whole model as a plain value: enough to count its parameters and to run one of its MoE layers. Made from
// the catalogue (models/model_catalogue.h) or from a checkpoint's config.json (models/hf_config.h).

#include <algorithm>
#include <string>
#include <vector>

#include "config/node.h"
#include "core/shape.h"

namespace moesim {

enum class QkNorm {
  none,             // also where it has no weights (Llama-4)
  per_head,         // one weight per dimension of a head, for queries and for keys
  full_projection,  // one weight per dimension of all heads together
};

// Self attention with grouped queries; where kv_rank is not 0, multi-head latent attention (DeepSeek-V2,
// arXiv:2405.04434, section 2.1), whose keys and values are made from one compressed row.
struct AttentionShape {
  Index num_heads = 0;
  Index num_kv_heads = 0;
  Index head_dim = 0;
  bool qkv_bias = false;
  bool output_bias = false;
  bool sinks = false;        // one logit per head (gpt-oss)
  bool output_gate = false;  // as wide as the queries (Qwen3-Next)
  QkNorm qk_norm = QkNorm::none;

  Index q_rank = 0;   // 0: queries are not compressed
  Index kv_rank = 0;  // 0: no latent attention
  Index nope_dim = 0;
  Index rope_dim = 0;  // shared by all heads
  Index value_dim = 0;

  bool latent() const { return kv_rank > 0; }
};

// What a layer mixes tokens by.
enum class Mixer {
  attention,
  mamba,      // Mamba-1 with norms on dt, B and C (Jamba)
  delta_net,  // gated DeltaNet (Qwen3-Next)
  lightning,  // linear attention with as many key and value heads as query heads, and an output gate
};

struct MambaShape {
  Index inner_width = 0;
  Index state = 0;
  Index conv = 0;
  Index dt_rank = 0;
  bool conv_bias = true;
  bool projection_bias = false;
};

struct DeltaNetShape {
  Index num_key_heads = 0;
  Index num_value_heads = 0;
  Index key_dim = 0;
  Index value_dim = 0;
  Index conv = 0;
};

// One layer of the stack.
struct StackLayer {
  Mixer mixer = Mixer::attention;
  Index mixers = 1;      // 2: double layers (LongCat-Flash), a decoder's self and cross attention (Switch)
  bool owns_kv = true;   // false: uses the keys and values of the layer before (Hunyuan-Large)
  bool moe = true;       // has routed experts
  Index dense_ffns = 0;  // of dense_width: 1 in a dense layer; beside the experts in LongCat-Flash and Arctic
  Index norms = 2;       // of d_model
  Index kv_caches = 1;   // that grow with the text: 2 in double layers, 0 in encoders; other mixers have none
};

// act(gate)·up with both clamped, as gpt-oss writes it: (up + 1)·gate·sigmoid(alpha·gate), gate at most
// limit, up within ±limit. Source: openai/gpt-oss, gpt_oss/torch/model.py. limit 0: plain silu(gate)·up.
struct ClampedSwiglu {
  double limit = 0.0;
  double alpha = 1.0;

  bool used() const { return limit > 0.0; }
};

struct ModelShape {
  std::string name;        // in the catalogue; of a config its model_type
  std::string model_type;  // Hugging Face's, where it has one
  // False: only the routed experts are known (hybrid attention that is not published in full).
  bool complete = true;

  Index d_model = 0;
  Index vocabulary = 0;
  bool tied_embeddings = false;
  bool head_bias = false;  // of the output projection
  AttentionShape attention;
  MambaShape mamba;
  DeltaNetShape delta_net;
  Index dense_width = 0;  // of dense_ffns; 0 where there are none
  Activation dense_activation = Activation::swiglu;
  bool norm_bias = false;         // LayerNorm with a bias instead of RMS norm
  Index final_norms = 1;          // 2: encoder and decoder
  Index position_parameters = 0;  // relative position biases (T5)

  // One MoE layer (num_layers is 1): d_model, d_ff, num_experts, copy_experts, shared_width, shared_kind,
  // latent_width, activation.
  LayerShape moe;
  Index top_k = 0;
  bool expert_bias = false;  // in every product of the experts, and of the shared and dense FFNs
  ClampedSwiglu clamp;
  // Weights of the gate beside [pool,D]: a bias of its logits, or one for the selection.
  bool gate_bias = false;
  bool selection_bias = false;
  // A section that make_router takes, with a shape whose num_experts is moe.pool_size(): {preset:
  // deepseek_v3, top_k: 8, …}. A selection bias is not in it: it comes with the weights.
  Node router;

  std::vector<StackLayer> layers;  // decoder layers from 0; an encoder's come first

  Index num_layers() const { return static_cast<Index>(layers.size()); }
  Index num_moe_layers() const {
    return static_cast<Index>(
        std::count_if(layers.begin(), layers.end(), [](const StackLayer& layer) { return layer.moe; }));
  }
  bool is_moe_layer(Index index) const {
    return index >= 0 && index < num_layers() && layers[static_cast<std::size_t>(index)].moe;
  }
};

}  // namespace moesim
