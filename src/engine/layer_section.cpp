#include "engine/layer_section.h"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

// Sizes may be absurd here: they are compared with the machine's memory before anything is allocated.
constexpr std::int64_t kLargest = std::int64_t{1} << 40;

// What stands for a part that a layer does not have, and the setting of an executor that was there before it
// could be set.
struct AbsentPart {
  std::string_view path;
  std::string_view value;
};
constexpr AbsentPart kAbsentParts[] = {
    {"layer.zero_experts", "0"},    {"layer.copy_experts", "0"},    {"layer.constant_experts", "0"},
    {"layer.shared_width", "none"}, {"layer.shared_kind", "plain"}, {"layer.latent_width", "none"},
    {"layer.latent_norm", "false"}, {"layer.ffn_bias", "false"},    {"executor.sums", "chain"},
    {"layer.checkpoint", "none"},   {"layer.index", "0"},           {"layer.layout", "auto"}};

// A layer has one of these; the others follow.
constexpr const char* kWidths[] = {"d_ff", "active_width", "total_width"};

// A width that was typed takes the place of those that only the config file gives.
Node without_replaced_widths(Binder& binder, Node section) {
  const auto is_typed = [](const Node::Entry* width) {
    return width != nullptr && width->where.source.rfind("--set ", 0) == 0;
  };
  const bool replaces = std::any_of(std::begin(kWidths), std::end(kWidths), [&](const char* key) {
    const Node::Entry* width = section.find(key);
    return is_typed(width) && width->value.text != "none";
  });
  for (const char* key : kWidths) {
    const Node::Entry* width = section.find(key);
    if (replaces && width != nullptr && !is_typed(width)) {
      binder.forget(std::string("layer.") + key);
      section.entries.erase(section.entries.begin() + (width - section.entries.data()));
    }
  }
  return section;
}

void check_shared(Binder& binder, const LayerParams& params) {
  if (params.num_shared_experts > 0 && params.shared_width > 0) {
    binder.error("layer.shared_width", "given beside layer.num_shared_experts",
                 "one of layer.num_shared_experts, layer.shared_width", "bad-relation",
                 "remove one of the two lines",
                 {{binder.locate("layer.num_shared_experts"), "layer.num_shared_experts is given here"}});
  }
}

}  // namespace

void describe(Fields<LayerParams>& f) {
  f.add("num_layers", &LayerParams::num_layers)
      .range(1, kLargest)
      .doc("layers of the stack, each with its own gate and experts");
  f.add("d_model", &LayerParams::d_model).range(1, kLargest).doc("width of a token's vector");
  f.add("d_ff", &LayerParams::d_ff).range(1, kLargest).doc("hidden width of one expert");
  f.add("active_width", &LayerParams::active_width)
      .range(1, kLargest)
      .word("none", 0)
      .doc("instead of d_ff: hidden width of a token's experts together; d_ff = active_width / top_k");
  f.add("total_width", &LayerParams::total_width)
      .range(1, kLargest)
      .word("none", 0)
      .doc("instead of d_ff: hidden width of all routed experts together; d_ff = total_width / num_experts");
  f.add("num_experts", &LayerParams::num_experts)
      .range(1, kLargest)
      .doc("routed experts with weights; the router chooses among them and the three kinds below");
  f.add("zero_experts", &LayerParams::zero_experts)
      .range(0, kLargest)
      .doc("routed experts whose output is 0");
  f.add("copy_experts", &LayerParams::copy_experts)
      .range(0, kLargest)
      .doc("routed experts whose output is their input");
  f.add("constant_experts", &LayerParams::constant_experts)
      .range(0, kLargest)
      .doc("routed experts that mix their input with a stored vector");
  f.add("num_shared_experts", &LayerParams::num_shared_experts)
      .range(0, kLargest)
      .doc("experts that see every token, each d_ff wide");
  f.add("shared_width", &LayerParams::shared_width)
      .range(1, kLargest)
      .word("none", 0)
      .doc("instead of num_shared_experts: hidden width of the shared experts together");
  f.add("shared_kind", &LayerParams::shared_kind)
      .only_when([](const LayerParams& p) { return p.num_shared_experts > 0 || p.shared_width > 0; },
                 "the layer has no shared experts")
      .doc(
          "how the shared output S joins the routed sum R: R + S, R + sigmoid(v·x)·S, or both weighted by a "
          "softmax of two logits of the token");
  f.add("latent_width", &LayerParams::latent_width)
      .range(1, kLargest)
      .word("none", 0)
      .doc(
          "width of the space the routed experts work in, between two maps; router and shared experts see "
          "d_model");
  f.add("latent_norm", &LayerParams::latent_norm)
      .only_when([](const LayerParams& p) { return p.latent_width > 0; }, "layer.latent_width is none")
      .doc("RMS norm of the combined latent outputs, before the map back");
  f.add("activation", &LayerParams::activation)
      .doc("of the experts' hidden units; swiglu_oai: the cut off one of gpt-oss");
  f.add("ffn_bias", &LayerParams::ffn_bias)
      .doc("whether the products of the experts, shared and dense ones too, have biases");
  const auto has_checkpoint = [](const LayerParams& p) { return !p.checkpoint.empty(); };
  f.add("checkpoint", &LayerParams::checkpoint)
      .word("none", "")
      .doc(
          "instead of all other keys of the layer: the folder of a model, relative to the config file, whose "
          "weights it has and whose router where none is given; ${MOESIM_DATA}/ may stand in front");
  f.add("index", &LayerParams::index)
      .range(0, kLargest)
      .only_when(has_checkpoint, "layer.checkpoint is none")
      .doc("which layer of the checkpoint, counted from 0 over all");
  f.add("layout", &LayerParams::layout)
      .word("auto", "")
      .only_when(has_checkpoint, "layer.checkpoint is none")
      .doc("file that says what the checkpoint's tensors are; auto: one of the layouts known");
}

LayerParams bind_layer(Binder& binder, const Node* section) {
  LayerParams params;
  const Node kept = section == nullptr ? Node{} : without_replaced_widths(binder, *section);
  bind_section(binder, section == nullptr ? nullptr : &kept, "layer", params);
  check_shared(binder, params);
  return params;
}

LayerShape layer_shape(const LayerParams& params) {
  return {.num_layers = params.num_layers,
          .d_model = params.d_model,
          .d_ff = params.d_ff,
          .num_experts = params.num_experts,
          .constant_experts = params.constant_experts,
          .copy_experts = params.copy_experts,
          .zero_experts = params.zero_experts,
          .num_shared_experts = params.num_shared_experts,
          .shared_width = params.shared_width,
          .shared_kind = params.shared_kind,
          .latent_width = params.latent_width,
          .latent_norm = params.latent_norm,
          .activation = params.activation,
          .ffn_bias = params.ffn_bias};
}

LayerShape routed_shape(const LayerShape& shape) {
  LayerShape routed = shape;
  routed.num_experts = std::max(shape.num_experts, shape.pool_size());  // not less where a count is bad
  routed.zero_experts = 0;
  routed.copy_experts = 0;
  routed.constant_experts = 0;
  return routed;
}

void resolve_width(Binder& binder, const LayerParams& params, Index top_k, LayerShape& shape) {
  std::string first;
  for (const std::string width : kWidths) {
    const std::string key = "layer." + width;
    const bool is_none = (width == "active_width" && params.active_width == 0) ||
                         (width == "total_width" && params.total_width == 0);
    if (!binder.given(key) || is_none) {
      continue;
    }
    if (!first.empty()) {
      binder.error(key, fmt::format("given beside {}", first),
                   "one of layer.d_ff, layer.active_width, layer.total_width", "bad-relation",
                   "remove one of the two lines",
                   {{binder.locate(first), fmt::format("{} is given here", first)}});
      return;
    }
    first = key;
  }
  const bool by_active = params.active_width > 0;
  const std::int64_t width = by_active ? params.active_width : params.total_width;
  if (width == 0) {
    return;
  }
  const std::int64_t parts = by_active ? top_k : params.num_experts;
  const char* divisor = by_active ? "router.top_k" : "layer.num_experts";
  if (parts < 1 || width % parts != 0) {
    const std::int64_t lower = std::max<std::int64_t>(1, width / std::max<std::int64_t>(1, parts)) * parts;
    binder.error(by_active ? "layer.active_width" : "layer.total_width",
                 fmt::format("{} is not divisible by {} = {}", width, divisor, parts),
                 fmt::format("a multiple of {}", parts), "not-divisible",
                 lower < width ? fmt::format("the nearest are {} and {}", lower, lower + parts)
                               : fmt::format("the nearest is {}", lower));
    return;
  }
  shape.d_ff = width / parts;
  for (ResolvedValue& value : binder.resolved) {
    if (value.path == "layer.d_ff") {
      value.value = std::to_string(shape.d_ff);
      value.origin =
          by_active ? "layer.active_width / router.top_k" : "layer.total_width / layer.num_experts";
    }
  }
}

bool says_part_is_absent(const ResolvedValue& value) {
  return std::any_of(std::begin(kAbsentParts), std::end(kAbsentParts), [&](const AbsentPart& part) {
    return value.path == part.path && value.value == part.value;
  });
}

}  // namespace moesim
