#include "models/model_parameters.h"

#include <algorithm>
#include <initializer_list>

#include "core/checked.h"

namespace moesim {
namespace {

using Count = std::uint64_t;

constexpr const char* kWhat = "the number of parameters";

Count count(Index value) {
  return static_cast<Count>(value);
}

Count product(std::initializer_list<Index> factors) {
  Count result = 1;
  for (const Index factor : factors) {
    result = checked_mul(result, count(factor), kWhat);
  }
  return result;
}

Count sum(std::initializer_list<Count> terms) {
  Count result = 0;
  for (const Count term : terms) {
    result = checked_add(result, term, kWhat);
  }
  return result;
}

void add(Count& to, Count value) {
  to = checked_add(to, value, kWhat);
}

// A gated FFN has three matrices, another two; biases one number per output of each.
Count ffn(Index d_model, Index width, Activation activation, bool bias) {
  const Index wide = is_gated(activation) ? 2 : 1;
  return sum(
      {product({wide + 1, d_model, width}), bias ? product({wide, width}) : 0, bias ? count(d_model) : 0});
}

Count grouped_attention(const ModelShape& shape, bool owns_kv) {
  const AttentionShape& a = shape.attention;
  const Index queries = a.num_heads * a.head_dim;
  const Index keys = owns_kv ? a.num_kv_heads * a.head_dim : 0;
  const Index query_outputs = a.output_gate ? 2 * queries : queries;
  Count all = sum({product({shape.d_model, query_outputs}), product({2, shape.d_model, keys}),
                   product({queries, shape.d_model})});
  if (a.qkv_bias) {
    add(all, count(query_outputs + 2 * keys));
  }
  if (a.output_bias) {
    add(all, count(shape.d_model));
  }
  if (a.qk_norm == QkNorm::per_head) {
    add(all, count(2 * a.head_dim));
  } else if (a.qk_norm == QkNorm::full_projection) {
    add(all, count(queries + a.num_kv_heads * a.head_dim));
  }
  return sum({all, a.sinks ? count(a.num_heads) : 0});
}

// DeepSeek-V2, section 2.1: W_DQ, norm, W_UQ with W_QR (or W_Q alone), W_DKV with W_KR, norm, W_UK with W_UV,
// W_O.
Count latent_attention(const ModelShape& shape) {
  const AttentionShape& a = shape.attention;
  const Index query = a.num_heads * (a.nope_dim + a.rope_dim);
  const Count queries =
      a.q_rank == 0 ? product({shape.d_model, query})
                    : sum({product({shape.d_model, a.q_rank}), count(a.q_rank), product({a.q_rank, query})});
  Count all = sum({queries, product({shape.d_model, a.kv_rank + a.rope_dim}), count(a.kv_rank),
                   product({a.kv_rank, a.num_heads, a.nope_dim + a.value_dim}),
                   product({a.num_heads, a.value_dim, shape.d_model})});
  if (a.qkv_bias) {
    add(all, count(a.q_rank + a.kv_rank + a.rope_dim));
  }
  return sum({all, a.output_bias ? count(shape.d_model) : 0});
}

// In, convolution, x → (dt, B, C), dt up with its bias, A, D, out; norms of dt, B and C.
Count mamba(const ModelShape& shape) {
  const MambaShape& m = shape.mamba;
  const Index inner = m.inner_width;
  return sum({product({2, shape.d_model, inner}), m.projection_bias ? count(2 * inner + shape.d_model) : 0,
              product({inner, m.conv}), m.conv_bias ? count(inner) : 0,
              product({inner, m.dt_rank + 2 * m.state}), product({m.dt_rank + 1, inner}),
              product({inner, m.state}), count(inner), product({inner, shape.d_model}),
              count(m.dt_rank + 2 * m.state)});
}

// q, k, v, z in one product, b and a in another; a convolution over q, k, v; dt bias and A; norm; out.
Count delta_net(const ModelShape& shape) {
  const DeltaNetShape& n = shape.delta_net;
  const Index keys = n.num_key_heads * n.key_dim;
  const Index values = n.num_value_heads * n.value_dim;
  return sum({product({shape.d_model, 2 * keys + 2 * values}),
              product({shape.d_model, 2 * n.num_value_heads}), product({2 * keys + values, n.conv}),
              count(2 * n.num_value_heads), count(n.value_dim), product({values, shape.d_model})});
}

Count mixer(const ModelShape& shape, const StackLayer& layer) {
  switch (layer.mixer) {
    case Mixer::attention:
      return shape.attention.latent() ? latent_attention(shape) : grouped_attention(shape, layer.owns_kv);
    case Mixer::mamba:
      return mamba(shape);
    case Mixer::delta_net:
      return delta_net(shape);
    case Mixer::lightning:
      break;
  }
  return product({5, shape.d_model, shape.attention.num_heads, shape.attention.head_dim});
}

Count shared_experts(const ModelShape& shape) {
  const Index width = shape.moe.shared_width;
  if (width == 0) {
    return 0;
  }
  const bool gated = shape.moe.shared_kind == SharedKind::gated;
  return sum(
      {ffn(shape.d_model, width, shape.moe.activation, shape.expert_bias), gated ? count(shape.d_model) : 0});
}

Count gate(const ModelShape& shape) {
  const Index pool = shape.moe.pool_size();
  return sum({product({pool, shape.d_model}), shape.gate_bias ? count(pool) : 0,
              shape.selection_bias ? count(pool) : 0});
}

void count_routed(const ModelShape& shape, ModelParameters& p) {
  p.per_expert = ffn(shape.moe.expert_width(), shape.moe.d_ff, shape.moe.activation, shape.expert_bias);
  const Index layers = shape.num_moe_layers();
  p.routed = checked_mul(p.per_expert, product({layers, shape.moe.num_experts}), kWhat);
  // Experts that only copy or drop their input have no weights.
  const Index pool = shape.moe.pool_size();
  p.active_experts = (shape.top_k * shape.moe.num_experts + pool / 2) / pool;
  p.routed_active = checked_mul(p.per_expert, product({layers, p.active_experts}), kWhat);
}

void count_layer(const ModelShape& shape, const StackLayer& layer, ModelParameters& p) {
  add(p.attention, checked_mul(count(layer.mixers), mixer(shape, layer), kWhat));
  add(p.norms, product({layer.norms, shape.d_model}));
  if (layer.moe) {
    add(p.shared, shared_experts(shape));
    add(p.router, gate(shape));
  }
  if (layer.dense_ffns > 0) {
    add(p.dense,
        checked_mul(count(layer.dense_ffns),
                    ffn(shape.d_model, shape.dense_width, shape.dense_activation, shape.expert_bias), kWhat));
  }
}

// With `experts` of the routed ones per token and layer.
ActiveParameters active_with(const ModelShape& shape, const ModelParameters& p, Index experts) {
  const Count routed = checked_mul(p.per_expert, product({shape.num_moe_layers(), experts}), kWhat);
  ActiveParameters active;
  active.no_embeddings = sum({p.shared, p.attention, p.router, p.dense, p.norms, routed});
  active.all = sum({active.no_embeddings, p.input_embedding, p.output_embedding});
  active.no_input_embedding = shape.tied_embeddings ? active.all : active.all - p.input_embedding;
  return active;
}

}  // namespace

ModelParameters count_parameters(const ModelShape& shape) {
  ModelParameters p;
  count_routed(shape, p);
  if (!shape.complete) {
    return p;
  }
  for (const StackLayer& layer : shape.layers) {
    count_layer(shape, layer, p);
  }
  add(p.norms, product({shape.final_norms, shape.d_model}));
  if (shape.norm_bias) {
    p.norms = checked_mul(p.norms, 2, kWhat);
  }
  add(p.attention, count(shape.position_parameters));
  p.input_embedding = product({shape.vocabulary, shape.d_model});
  p.output_embedding =
      sum({shape.tied_embeddings ? 0 : p.input_embedding, shape.head_bias ? count(shape.vocabulary) : 0});
  p.total = sum(
      {p.routed, p.shared, p.attention, p.router, p.dense, p.norms, p.input_embedding, p.output_embedding});
  p.active = active_with(shape, p, p.active_experts);
  const Index weightless = shape.moe.zero_computation_experts();
  p.active_low = active_with(shape, p, std::max<Index>(0, shape.top_k - weightless));
  p.active_high = active_with(shape, p, std::min(shape.top_k, shape.moe.num_experts));
  return p;
}

TokenCost token_cost(const ModelShape& shape, const ModelParameters& parameters) {
  TokenCost cost;
  const Count head = shape.tied_embeddings ? parameters.input_embedding : parameters.output_embedding;
  cost.flops = checked_mul(2, sum({parameters.active.no_embeddings, head}), kWhat);
  const AttentionShape& a = shape.attention;
  const Count scores = a.latent() ? product({2, a.num_heads, a.nope_dim + a.rope_dim + a.value_dim})
                                  : product({4, a.num_heads, a.head_dim});
  const Count cached = a.latent() ? count(a.kv_rank + a.rope_dim) : product({2, a.num_kv_heads, a.head_dim});
  for (const StackLayer& layer : shape.layers) {
    if (layer.mixer != Mixer::attention) {
      continue;
    }
    add(cost.flops_per_context_token, checked_mul(count(layer.mixers), scores, kWhat));
    if (layer.owns_kv) {
      add(cost.kv_values_per_context_token, checked_mul(count(layer.kv_caches), cached, kWhat));
    }
  }
  return cost;
}

}  // namespace moesim
