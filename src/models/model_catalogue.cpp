// Reads configs/presets/models.yaml. The file is ours, so whatever is wrong with it is our mistake.

#include "models/model_catalogue.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/binder.h"
#include "config/yaml.h"
#include "core/error.h"
#include "experts/bank.h"
#include "experts/shared.h"
#include "io/assets.h"

namespace moesim {

namespace {

constexpr const char* kAsset = "presets/models.yaml";
constexpr EnumName<QkNorm> kQkNorms[] = {
    {QkNorm::none, "none"}, {QkNorm::per_head, "per_head"}, {QkNorm::full_projection, "full_projection"}};
constexpr EnumName<Mixer> kMixers[] = {{Mixer::attention, "attention"},
                                       {Mixer::mamba, "mamba"},
                                       {Mixer::delta_net, "delta_net"},
                                       {Mixer::lightning, "lightning"}};

}  // namespace

std::span<const EnumName<QkNorm>> enum_names(QkNorm) {
  return kQkNorms;
}

std::span<const EnumName<Mixer>> enum_names(Mixer) {
  return kMixers;
}

namespace {

// An entry but for its sections.
struct ModelParams {
  std::string title;
  std::int64_t d_model = 0, layers = 0, encoder_layers = 0, vocabulary = 0;
  bool tied = false;
  bool routed_only = false;
  std::int64_t dense_first = 0,
               moe_every = 1;  // layer i ≥ dense_first has experts where moe_every divides i + 1
  std::int64_t dense_width = 0, dense_beside = 0;
  Activation dense_activation = Activation::swiglu;
  std::int64_t mixers = 1, norms = 2, position_parameters = 0;
  std::string source, note;
};

void describe(Fields<ModelParams>& f) {
  using P = ModelParams;
  f.add("title", &P::title).required().doc("as its makers write it");
  f.add("d_model", &P::d_model).doc("width of the stack");
  f.add("layers", &P::layers).required().doc("of encoder and decoder together");
  f.add("encoder_layers", &P::encoder_layers)
      .doc("so many of them; decoder layers then have cross attention");
  f.add("vocabulary", &P::vocabulary).doc("rows of an embedding");
  f.add("tied", &P::tied).doc("whether one table serves as both embeddings");
  f.add("routed_only", &P::routed_only).doc("only the routed experts are known");
  f.add("dense_first", &P::dense_first).doc("first layers without experts");
  f.add("moe_every", &P::moe_every).doc("every so many layers one has experts");
  f.add("dense_width", &P::dense_width).doc("of FFNs without a router");
  f.add("dense_beside", &P::dense_beside).doc("such FFNs beside the experts of a layer");
  f.add("dense_activation", &P::dense_activation).doc("of them");
  f.add("mixers", &P::mixers).doc("attentions of a layer");
  f.add("norms", &P::norms).doc("norms of a layer");
  f.add("position_parameters", &P::position_parameters).doc("of relative position biases");
  f.add("source", &P::source).required().doc("what was read");
  f.add("note", &P::note).doc("what the count leaves open");
}

struct AttentionParams {
  std::int64_t heads = 0, kv_heads = 0, head_dim = 0, kv_shared_by = 1, every = 1, at = 0;
  bool qkv_bias = false, output_bias = false, sinks = false;
  QkNorm qk_norm = QkNorm::none;
  std::int64_t q_rank = 0, kv_rank = 0, nope_dim = 0, rope_dim = 0, value_dim = 0;
  Mixer elsewhere = Mixer::attention;  // in the layers i whose i % every is not `at`
};

void describe(Fields<AttentionParams>& f) {
  using P = AttentionParams;
  f.add("heads", &P::heads).doc("of queries");
  f.add("kv_heads", &P::kv_heads).doc("of keys and values");
  f.add("head_dim", &P::head_dim).doc("of a head");
  f.add("kv_shared_by", &P::kv_shared_by).doc("layers that use the keys and values of the first of them");
  f.add("every", &P::every).doc("every so many layers one has attention");
  f.add("at", &P::at).doc("the first of them");
  f.add("elsewhere", &P::elsewhere).doc("what the others have");
  f.add("qkv_bias", &P::qkv_bias).doc("biases of queries, keys and values");
  f.add("output_bias", &P::output_bias).doc("bias of the output");
  f.add("sinks", &P::sinks).doc("one logit per head");
  f.add("qk_norm", &P::qk_norm).doc("norms of queries and keys");
  f.add("q_rank", &P::q_rank).doc("latent attention: rank of the queries");
  f.add("kv_rank", &P::kv_rank).doc("rank of keys and values");
  f.add("nope_dim", &P::nope_dim).doc("of a head, without positions");
  f.add("rope_dim", &P::rope_dim).doc("with positions");
  f.add("value_dim", &P::value_dim).doc("of a head's values");
}

struct ExpertParams {
  std::int64_t count = 0, top_k = 0, width = 0, copy = 0, shared_width = 0, latent_width = 0;
  SharedKind shared_kind = SharedKind::plain;
  Activation activation = Activation::swiglu;
  bool bias = false, gate_bias = false, selection_bias = false;
  double clamp = 0.0, alpha = 1.0;
};

void describe(Fields<ExpertParams>& f) {
  using P = ExpertParams;
  f.add("count", &P::count).required().doc("routed experts with weights");
  f.add("top_k", &P::top_k).required().doc("experts per token");
  f.add("width", &P::width).required().doc("of one");
  f.add("copy", &P::copy).doc("experts that return their input");
  f.add("shared_width", &P::shared_width).doc("of the shared experts together");
  f.add("shared_kind", &P::shared_kind).doc("how their output joins");
  f.add("latent_width", &P::latent_width).doc("width the experts work in");
  f.add("activation", &P::activation).doc("of routed and shared experts");
  f.add("bias", &P::bias).doc("biases in the experts");
  f.add("gate_bias", &P::gate_bias).doc("a bias of the gate's logits");
  f.add("selection_bias", &P::selection_bias).doc("a learned bias for the selection");
  f.add("clamp", &P::clamp).doc("limit of gpt-oss's activation");
  f.add("alpha", &P::alpha).doc("its slope");
}

struct MambaParams {
  std::int64_t inner = 0, state = 0, conv = 0, dt_rank = 0;
};

void describe(Fields<MambaParams>& f) {
  f.add("inner", &MambaParams::inner).doc("inner width");
  f.add("state", &MambaParams::state).doc("numbers of state per channel");
  f.add("conv", &MambaParams::conv).doc("length of the convolution");
  f.add("dt_rank", &MambaParams::dt_rank).doc("rank of dt");
}

struct Published {
  double total = 0.0, active = 0.0;  // 0: not published
};

void describe(Fields<Published>& f) {
  f.add("total", &Published::total).doc("billions of parameters");
  f.add("active", &Published::active).doc("billions of active parameters");
}

std::vector<StackLayer> layers_of(const ModelParams& p, const AttentionParams& attention) {
  std::vector<StackLayer> layers;
  for (Index i = 0; i < p.layers; ++i) {
    StackLayer layer;
    const bool decodes = p.encoder_layers > 0 && i >= p.encoder_layers;
    layer.mixer = i % attention.every == attention.at ? Mixer::attention : attention.elsewhere;
    layer.mixers = decodes ? 2 : p.mixers;
    layer.owns_kv = i % attention.kv_shared_by == 0;
    layer.moe = i >= p.dense_first && (i + 1) % p.moe_every == 0;
    layer.dense_ffns = layer.moe ? p.dense_beside : 1;
    layer.norms = decodes ? 3 : p.norms;
    layer.kv_caches = i < p.encoder_layers ? 0 : p.mixers;
    layers.push_back(layer);
  }
  return layers;
}

AttentionShape shape_of(const AttentionParams& p) {
  return {.num_heads = p.heads,
          .num_kv_heads = p.kv_heads == 0 ? p.heads : p.kv_heads,
          .head_dim = p.head_dim,
          .qkv_bias = p.qkv_bias,
          .output_bias = p.output_bias,
          .sinks = p.sinks,
          .qk_norm = p.qk_norm,
          .q_rank = p.q_rank,
          .kv_rank = p.kv_rank,
          .nope_dim = p.nope_dim,
          .rope_dim = p.rope_dim,
          .value_dim = p.value_dim};
}

LayerShape shape_of(const ExpertParams& p, Index d_model) {
  LayerShape layer;
  layer.d_model = d_model;
  layer.d_ff = p.width;
  layer.num_experts = p.count;
  layer.copy_experts = p.copy;
  layer.shared_width = p.shared_width;
  layer.shared_kind = p.shared_kind;
  layer.latent_width = p.latent_width;
  layer.activation = p.activation;
  return layer;
}

class EntryReader {
 public:
  explicit EntryReader(const Node::Entry& entry) : entry_(entry) {}

  CatalogueModel read() {
    ModelParams p;
    bind_section(binder_, &entry_.value, entry_.key, p,
                 {"attention", "experts", "mamba", "router", "published"});
    const auto attention = section<AttentionParams>("attention");
    const auto experts = section<ExpertParams>("experts");
    const auto mamba = section<MambaParams>("mamba");
    const auto published = section<Published>("published");
    MOESIM_CHECK(binder_.diagnostics.empty(), binder_.diagnostics.render_all());
    const bool encodes = p.encoder_layers > 0;
    CatalogueModel model;
    model.name = entry_.key;
    model.title = p.title;
    model.source = p.source;
    model.note = p.note;
    ModelShape& shape = model.shape;
    shape.name = entry_.key;
    shape.complete = !p.routed_only;
    shape.d_model = p.d_model;
    shape.vocabulary = p.vocabulary;
    shape.tied_embeddings = p.tied;
    shape.attention = shape_of(attention);
    shape.mamba = {
        .inner_width = mamba.inner, .state = mamba.state, .conv = mamba.conv, .dt_rank = mamba.dt_rank};
    shape.dense_width = p.dense_width;
    shape.dense_activation = p.dense_activation;
    shape.final_norms = encodes ? 2 : 1;
    shape.position_parameters = p.position_parameters;
    shape.moe = shape_of(experts, p.d_model);
    shape.top_k = experts.top_k;
    shape.expert_bias = experts.bias;
    shape.gate_bias = experts.gate_bias;
    shape.selection_bias = experts.selection_bias;
    shape.clamp = {.limit = experts.clamp, .alpha = experts.alpha};
    shape.layers = layers_of(p, attention);
    shape.router = router(shape.top_k);
    model.published_total = known(published.total);
    model.published_active = known(published.active);
    return model;
  }

 private:
  template <class Params>
  Params section(const char* key) {
    Params params;
    bind_section(binder_, entry_.value.child(key), entry_.key + "." + key, params);
    return params;
  }

  static std::optional<double> known(double value) {
    return value == 0.0 ? std::nullopt : std::optional(value);
  }

  // The preset, with the model's own number of experts per token.
  Node router(Index top_k) const {
    const Node* given = entry_.value.child("router");
    if (given == nullptr) {
      return {};  // not published
    }
    Node section = *given;
    if (section.find("top_k") == nullptr) {
      const Node number = scalar_section({{"top_k", std::to_string(top_k)}});
      section.entries.push_back(number.entries.front());
    }
    return section;
  }

  const Node::Entry& entry_;
  Binder binder_;
};

std::vector<CatalogueModel> read_catalogue() {
  const Asset* asset = find_asset(kAsset);
  MOESIM_CHECK(asset != nullptr, std::string("the binary lacks ") + kAsset);
  Diagnostics diagnostics;
  const Node root = parse_yaml(asset->bytes, kAsset, diagnostics);
  MOESIM_CHECK(diagnostics.empty(), diagnostics.render_all());
  std::vector<CatalogueModel> models;
  for (const Node::Entry& entry : root.entries) {
    models.push_back(EntryReader(entry).read());
  }
  return models;
}

}  // namespace

const Catalogue<CatalogueModel>& model_catalogue() {
  static const Catalogue<CatalogueModel> list(read_catalogue());
  return list;
}

}  // namespace moesim
